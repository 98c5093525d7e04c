"""A question for an index."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from gradcheck_cli.inspector.asking import Unclear, index_of
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.shapes import shape_text
from gradcheck_cli.saved.model import KeptLeaf


class GoToScreen(ModalScreen[tuple[int, ...] | None]):
    """The index of an element of a gradient; None where it was given up."""

    BINDINGS = [Binding("escape", "dismiss", "Back", show=False)]  # noqa: RUF012

    def __init__(self, leaf: KeptLeaf) -> None:
        super().__init__()
        self._leaf = leaf

    def compose(self) -> ComposeResult:
        """One line to type in."""
        shape = one_line(shape_text(self._leaf.shape, self._leaf.dimensions))
        with Vertical(id="box"):
            yield Static(Content(f"Go to an element of {one_line(self._leaf.gradient_name)}"), classes="title")
            yield Input(placeholder=", ".join("0" for _ in self._leaf.shape), id="index", compact=True)
            yield Static(Content.styled(f"{shape} · Enter goes there · Esc gives up", "$quiet"), id="told")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """There, or why not."""
        try:
            self.dismiss(index_of(event.value, self._leaf.shape, self._leaf.dimensions))
        except Unclear as unclear:
            self.query_one("#told", Static).update(Content.styled(one_line(str(unclear)), "$error"))
