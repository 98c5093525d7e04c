"""The application in a terminal that is none: keys are pressed, and the screen is read as text."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from gradcheck_cli.inspector.app import InspectApp
from gradcheck_cli.inspector.session import Session

SNAPSHOTS = Path(__file__).parent / "snapshots"
REFRESH = "GRADCHECK_REFRESH_SNAPSHOTS"
NARROW, WIDE = (80, 24), (160, 48)

Steps = Callable[["Driver"], Awaitable[None]]


class Driver:
    """Someone at the keyboard."""

    def __init__(self, app: InspectApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Keys, one after the other; what they set off is waited for."""
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Until all that runs in the background is done, and shown; but for layers that are still being checked."""
        for worker in [each for each in self.app.workers if each.group != "open"]:
            await self.app.workers.wait_for_complete([worker])
        await self.pilot.pause()
        await self.pilot.pause()

    async def click(self, text: str) -> None:
        """On the first place where this stands."""
        for y, line in enumerate(self.lines()):
            if text in line:
                await self.pilot.click(offset=(line.index(text), y))
                await self.settle()
                return
        raise AssertionError(f"{text!r} is not on the screen:\n{self.text()}")

    def lines(self) -> list[str]:
        """What stands on the screen."""
        return [strip.text.rstrip() for strip in self.app.screen._compositor.render_strips()]

    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines())


def drive(session: Session, steps: Steps, size: tuple[int, int] = NARROW) -> InspectApp:
    """Open a session, and do what the steps do."""

    async def run() -> InspectApp:
        app = InspectApp(session)
        async with app.run_test(size=size, notifications=True) as pilot:
            driver = Driver(app, pilot)
            await driver.settle()
            await steps(driver)
        return app

    return asyncio.run(run())


def screen_after(session: Session, *keys: str, size: tuple[int, int] = NARROW) -> str:
    """What stands on the screen once these keys were pressed."""
    seen: list[str] = []

    async def steps(driver: Driver) -> None:
        await driver.press(*keys)
        seen.append(driver.text())

    drive(session, steps, size)
    return seen[0]


def assert_snapshot(name: str, text: str) -> None:
    """The screen is as it was when it was looked at last; `GRADCHECK_REFRESH_SNAPSHOTS=1` takes it as it is."""
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get(REFRESH):
        path.write_text(text + "\n", encoding="utf-8")
    expected: Any = path.read_text(encoding="utf-8") if path.exists() else ""
    assert text + "\n" == expected, f"{path.name} differs; look at it, then {REFRESH}=1\n{text}"
