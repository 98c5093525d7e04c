"""A question for what should be otherwise: the seed, sizes of dimensions, one value of an input."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Select, Static

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.asking import Unclear, drawn_anew, edit_of, editable, index_of, with_edit
from gradcheck_cli.inspector.session import Question
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.numbers import brief
from gradcheck_cli.saved.model import KeptLayer

_SHORT = 12
"""Columns of a name that has room beside an index and a value."""
_KEYS = "Enter checks again · Tab next · Esc gives up"


class WhatIfScreen(ModalScreen[Question | None]):
    """The question, None where it was given up.

    Args:
        question: as it was asked last.
        under_cursor: the input and the index that are looked at.
    """

    BINDINGS = [Binding("escape", "dismiss", "Back", show=False)]  # noqa: RUF012

    def __init__(
        self,
        question: Question,
        kept: KeptLayer | None,
        under_cursor: tuple[str, tuple[int, ...]] | None,
    ) -> None:
        super().__init__()
        self._question = question
        self._sizes = dict(kept.draw.dimensions) if kept is not None else {}
        self._draw = None if kept is None else kept.draw.index
        self._inputs = {} if kept is None else editable(kept)
        name, index = under_cursor or ("", ())
        self._name: str = name if name in self._inputs else next(iter(self._inputs), "")
        self._index = index if name in self._inputs else self._first()

    def compose(self) -> ComposeResult:
        """Fields; one is filled in, and what is left as it is stays."""
        with VerticalScroll(id="box"):
            yield Static(Content(f"What if … {one_line(self._question.layer)}"), classes="title")
            if self._inputs:
                names = [(Content(one_line(name)), name) for name in self._inputs]
                select = Select(names, value=self._name, allow_blank=False, id="name", compact=True)
                is_long = max(cell_len(name) for name in self._inputs) > _SHORT
                if is_long:
                    with Horizontal(classes="row -long"):
                        yield Static("value of", classes="label")
                        yield select
                with Horizontal(classes="row"):
                    yield Static("at" if is_long else "value of", classes="label")
                    if not is_long:
                        yield select
                    yield Input(", ".join(map(str, self._index)), id="index", compact=True)
                    yield Static("is", classes="is")
                    yield Input(id="value", compact=True)
            with Horizontal(classes="row"):
                yield Static("seed", classes="label")
                seed = "" if self._question.seed is None else str(self._question.seed)
                yield Input(seed, placeholder="as it was", id="seed", compact=True)
            if self._sizes and self._draw is not None:
                told = f"sizes, as in draw {self._draw + 1}; a new one counts in every draw"
                yield Static(Content.styled(told, "$quiet"), classes="note")
            for at, (name, size) in enumerate(self._sizes.items()):
                with Horizontal(classes="row"):
                    yield Static(Content(one_line(name)), classes="label")
                    yield Input(str(size), id=f"size-{at}", compact=True)
            yield Static(Content.styled(_KEYS, "$quiet"), id="told")

    def on_mount(self) -> None:
        """The cursor where the value is typed."""
        self._tell_value()
        self.query_one("#value" if self._inputs else "#seed", Input).focus()

    def on_select_changed(self, event: Select.Changed) -> None:
        """Another input: its first element."""
        if str(event.value) != self._name:
            self._name = str(event.value)
            self.query_one("#index", Input).value = ", ".join(map(str, self._first()))
        self._tell_value()

    def _first(self) -> tuple[int, ...]:
        array = self._inputs[self._name].array if self._name else None
        return () if array is None else (0,) * len(array.shape)

    def on_input_changed(self, event: Input.Changed) -> None:
        """What the value is now."""
        self._tell("")
        if event.input.id == "index":
            self._tell_value()

    def _tell_value(self) -> None:
        """As the placeholder of what is typed."""
        if not self._inputs:
            return
        argument = self._inputs[self._name]
        assert argument.array is not None
        field = self.query_one("#value", Input)
        self._tell("")
        try:
            index = index_of(self.query_one("#index", Input).value, argument.array.shape)
            field.placeholder = f"{brief(argument.array.read()[index].item(), 6)} now"
        except Unclear as unclear:
            field.placeholder = "–"
            self._tell(str(unclear))
        except UserError:
            field.placeholder = "its file is damaged"

    def on_input_submitted(self) -> None:
        """Ask, or say what cannot be asked."""
        try:
            self.dismiss(self._asked())
        except Unclear as unclear:
            self._tell(str(unclear))

    def _tell(self, problem: str) -> None:
        told = Content.styled(one_line(problem), "$error") if problem else Content.styled(_KEYS, "$quiet")
        self.query_one("#told", Static).update(told)

    def _asked(self) -> Question:
        typed = {name: self.query_one(f"#size-{at}", Input).value for at, name in enumerate(self._sizes)}
        question = drawn_anew(self._question, self.query_one("#seed", Input).value, typed, self._sizes)
        value = self.query_one("#value", Input).value if self._inputs else ""
        if not value.strip():
            if question == self._question:
                raise Unclear("nothing is changed: a value, the seed, or a size")
            return question
        if question != self._question:
            raise Unclear("either a value, or another draw: a new seed or size draws all values anew")
        edit = edit_of(self._inputs[self._name], self.query_one("#index", Input).value, value)
        return with_edit(question, edit, self._draw)
