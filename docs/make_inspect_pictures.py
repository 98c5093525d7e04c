"""Draws docs/inspect*.svg: the inspector itself on examples of these pages, after some keys."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from gradcheck_cli.cli.checked_session import checked_session
from gradcheck_cli.inspector.app import InspectApp
from gradcheck_cli.inspector.session import Session

ROOT = Path(__file__).parents[1]
EXAMPLE = "fixtures/mylayer.py"

NETWORK = "docs/examples/highway.py::highway"

PICTURES = {
    "inspect": (EXAMPLE, (156, 36), ()),
    "inspect-dig": (EXAMPLE, (100, 28), ("d",)),
    "inspect-network": (NETWORK, (100, 28), ("d",)),
}
"""What is opened, the size of the terminal, and the keys that are pressed."""


async def picture(example: str, session: Session, size: tuple[int, int], keys: tuple[str, ...]) -> str:
    """The screen after these keys."""
    app = InspectApp(session)
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys)
        await app.workers.wait_for_complete()
        await pilot.pause(0.5)
        return app.export_screenshot(title=f"gradcheck inspect {example}")


def main() -> None:
    """Check the examples and write the pictures."""
    os.chdir(ROOT)
    for name, (example, size, keys) in PICTURES.items():
        session = checked_session(example, {})
        try:
            session.open()
            svg = asyncio.run(picture(example, session, size, keys))
        finally:
            session.close()
        svg = re.sub(r"terminal-\d+", name, svg)
        drawn = "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"
        (ROOT / "docs" / f"{name}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
