"""Draws docs/inspect.svg and docs/inspect-dig.svg: the inspector itself on the README's example, after some keys."""

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

PICTURES = {"inspect": ((156, 36), ()), "inspect-dig": ((100, 28), ("d",))}
"""Size of the terminal, and the keys that are pressed."""


async def picture(session: Session, size: tuple[int, int], keys: tuple[str, ...]) -> str:
    """The screen after these keys."""
    app = InspectApp(session)
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys)
        await app.workers.wait_for_complete()
        await pilot.pause(0.5)
        return app.export_screenshot(title=f"gradcheck inspect {EXAMPLE}")


def main() -> None:
    """Check the example and write the pictures."""
    os.chdir(ROOT)
    session = checked_session(EXAMPLE, {})
    try:
        session.open()
        for name, (size, keys) in PICTURES.items():
            svg = asyncio.run(picture(session, size, keys))
            svg = re.sub(r"terminal-\d+", name, svg)
            drawn = "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"
            (ROOT / "docs" / f"{name}.svg").write_text(drawn, encoding="utf-8")
    finally:
        session.close()


if __name__ == "__main__":
    main()
