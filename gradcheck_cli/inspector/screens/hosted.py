"""What every screen may ask of the application."""

from __future__ import annotations

from typing import Protocol, cast

from textual.screen import Screen
from textual.worker import WorkerState

from gradcheck_cli.inspector.session import Answer, Question

ENDED = (WorkerState.SUCCESS, WorkerState.ERROR, WorkerState.CANCELLED)
"""What is done in the background is done then, one way or another."""


class Host(Protocol):
    """The application, as its screens know it.

    Attributes:
        message: what is going on, or was; one line.
    """

    message: str

    @property
    def is_busy(self) -> bool:
        """Whether a layer is being checked."""

    def say(self, text: str) -> None:
        """Show one line."""

    def ask(self, *questions: Question) -> None:
        """Check layers again, in the background."""

    def say_why_not_live(self) -> None:
        """Why nothing can be checked again."""

    def toggle_watch(self) -> None:
        """Watch the user's files, or no more."""

    def edit(self, path: str, line: int) -> None:
        """Open the user's editor."""


class HostedScreen(Screen[None]):
    """A screen of the inspector."""

    @property
    def host(self) -> Host:
        """The application."""
        return cast(Host, self.app)

    def say(self, text: str) -> None:
        """Show one line."""
        self.host.say(text)

    def take(self, answer: Answer) -> None:
        """A layer was checked again: show it as it is now."""

    def copy(self, text: str, what: str) -> None:
        """To the clipboard, and say so."""
        if not text:
            self.say(f"there is no {what} to copy")
            return
        self.app.copy_to_clipboard(text)
        first = text.split("\n", 1)[0]
        self.app.notify(
            first if len(first) < 60 else first[:57] + "...", title=f"copied the {what}", timeout=3, markup=False
        )
