"""Shows a session as plain text."""

from __future__ import annotations

from typing import Protocol

from gradcheck_cli.inspector.session import Session


class Writes(Protocol):
    """Where the text goes."""

    def write(self, content: str) -> None:
        """Write it."""


def page(session: Session, output: Writes) -> None:
    """Everything, once."""
    for layer in session.report.layers:
        output.write(f"{layer.name}: {layer.status.value}\n")
