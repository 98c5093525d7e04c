"""The map of a gradient: one cell an element, or the worst of a block; a part of it, with a cursor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from gradcheck_cli.inspector.heat import RIGHT, Codes
from gradcheck_cli.inspector.leaf import Leaf
from gradcheck_cli.inspector.palette import style_of
from gradcheck_cli.inspector.themes import kind_of
from gradcheck_cli.inspector.view import NUMBERS, View, view_of
from gradcheck_cli.inspector.words import brief_within, sign

_CELL, _NUMBER, _COMPLEX = 2, 10, 20
_DIGITS = 3


class HeatMap(Widget, can_focus=True):
    """The map.

    Args:
        values: what a cell shows that is close enough for a number: one of `leaf.COLUMNS`.
        zooms: whether it may be seen from farther than numbers.
    """

    class Moved(Message):
        """The cursor is elsewhere, or something else is shown."""

        def __init__(self, heat_map: HeatMap) -> None:
            super().__init__()
            self.heat_map = heat_map

        @property
        def control(self) -> HeatMap:
            """The map."""
            return self.heat_map

    def __init__(self, values: str = "error", *, zooms: bool = True, id: str | None = None) -> None:
        super().__init__(id=id)
        self.values = values
        self._zooms = zooms
        self.leaf: Leaf | None = None
        self.view = view_of(())
        self.is_fitted = True
        self._codes: Codes = np.zeros((0, 0), np.uint8)
        self._numbers: NDArray[Any] | None = None

    def show(self, leaf: Leaf | None, view: View | None = None) -> None:
        """Another gradient; None for nothing.

        Raises:
            UserError: where the file is damaged.
        """
        self.leaf = leaf
        if leaf is not None:
            leaf.heat  # noqa: B018 - read now, so that an error is raised here
            self.view = view or view_of(leaf.kept.shape)
            self.is_fitted = view is None
            if view is None and leaf.heat.worst.size:
                self.view = self.view.at_position(int(leaf.heat.worst[0]))
        self._arrange()

    def look(self, view: View) -> None:
        """The same gradient, seen otherwise."""
        self.is_fitted = self.is_fitted and view.zoom == self.view.zoom
        turned = (view.rows, view.columns) != (self.view.rows, self.view.columns)
        self.view = view
        self.is_fitted = self.is_fitted or turned
        self._arrange()
        self.post_message(self.Moved(self))

    def fit(self) -> None:
        """All of it."""
        self.is_fitted = True
        self._arrange()
        self.post_message(self.Moved(self))

    @property
    def cells(self) -> tuple[int, int]:
        """How many cells there is room for, down and across."""
        return self._room(self._width)

    @property
    def _width(self) -> int:
        return self._number_width if self.view.zoom == NUMBERS else _CELL

    @property
    def _number_width(self) -> int:
        return _COMPLEX if self.leaf is not None and self.leaf.is_complex else _NUMBER

    @property
    def _margin(self) -> int:
        """Columns of the rows' labels."""
        view = self.view
        if self.leaf is None or len(self.leaf.kept.shape) < 2:
            return 2
        return len(str(view.shape[view.rows] - 1)) + 2

    def _room(self, width: int) -> tuple[int, int]:
        return max(1, self.size.height - 1), max(1, (self.size.width - self._margin) // width)

    def _arrange(self) -> None:
        """The view that fits the room, and what is seen in it."""
        if self.leaf is None or not self.size.height:
            self._codes = np.zeros((0, 0), np.uint8)
            self.refresh()
            return
        fitted = self.view.fitted(*self._room(_CELL))
        if not self._zooms:
            self.view = replace(self.view, zoom=NUMBERS)
        elif self.is_fitted:
            rows, columns = self._room(self._number_width)
            fits = self.view.shape[self.view.rows] <= rows and self.view.shape[self.view.columns] <= columns
            self.view = replace(fitted, zoom=NUMBERS if fits else fitted.zoom)
        else:
            self.view = replace(self.view, most=fitted.most, zoom=min(self.view.zoom, max(fitted.most)))
        self.view = self.view.within(*self.cells)
        view, (rows, columns) = self.view, self.cells
        blocks = self.leaf.blocks.of(view.rows, view.columns, view.index, *view.block)
        self._codes = blocks[view.top : view.top + rows, view.left : view.left + columns]
        self._numbers = self._read_numbers() if view.zoom == NUMBERS else None
        self.refresh()

    def _read_numbers(self) -> NDArray[Any] | None:
        assert self.leaf is not None
        view, (rows, columns) = self.view, self.cells
        places: list[Any] = list(view.index)
        places[view.rows] = slice(view.top, view.top + rows)
        places[view.columns] = slice(view.left, view.left + columns)
        part = self.leaf.column(self.values, tuple(places))
        if part is None:
            return None
        return part.T if view.rows > view.columns else part

    def on_resize(self) -> None:
        """Another room."""
        self._arrange()
        self.post_message(self.Moved(self))

    def on_click(self, event: events.Click) -> None:
        """The cursor to the cell."""
        row, column = event.y - 1, (event.x - self._margin) // self._width
        if self.leaf is not None and 0 <= row < self._codes.shape[0] and 0 <= column < self._codes.shape[1]:
            self.look(self.view.at_cell(self.view.top + row, self.view.left + column))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Further down."""
        self._scroll(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Further up."""
        self._scroll(event, -1)

    def _scroll(self, event: events.MouseEvent, by: int) -> None:
        if self.leaf is not None:
            event.stop()
            self.look(self.view.moved(by, 0))

    def render_line(self, y: int) -> Strip:
        """The columns' labels, then rows of cells."""
        ground = self.rich_style
        row = y - 1
        if row >= self._codes.shape[0]:
            return Strip.blank(self.size.width, ground)
        segments = self._head(ground) if row < 0 else self._row(row, ground)
        return Strip(segments).adjust_cell_length(self.size.width, ground)

    def _head(self, ground: Style) -> list[Segment]:
        """Index of every few columns, `▾` above the cursor's."""
        view, width = self.view, self._width
        letters = [" "] * max(self.size.width, 1)
        cursor = self._margin + (view.cursor[1] - view.left) * width + width - 1
        if width > _CELL:
            cursor -= len(str(view.cursor[1])) + 2
        if self._codes.size and 0 <= cursor < len(letters):
            letters[cursor] = "▾"
        block = view.block[1]
        every = 1 if width > _CELL else 5 if block == 1 else 4
        for column in range(self._codes.shape[1]):
            at = view.left + column
            if at % every == 0:
                text = f"{at * block}"
                end = self._margin + column * width + width
                start = end - len(text) - 1 if width > _CELL else end - 1
                free = letters[max(0, start - 1) : start + len(text)]
                if start + len(text) <= len(letters) and not "".join(free).strip():
                    letters[start : start + len(text)] = text
        return [Segment("".join(letters), ground + self._quiet)]

    def _row(self, row: int, ground: Style) -> list[Segment]:
        view, kind = self.view, kind_of(self.app.current_theme)
        at = view.top + row
        here = at == view.cursor[0]
        label = str(at * view.block[0]) if self._margin > 2 else ""
        margin = f"{label:>{self._margin - 2}}{'▸' if here else ' '} "
        segments = [Segment(margin, ground + (self._here if here else self._quiet))]
        cursor = view.cursor[1] - view.left if here else -1
        numbers = None if self._numbers is None else self._numbers[row]
        for column, code in enumerate(self._codes[row].tolist()):
            style = ground + style_of(code, kind)
            text = sign(code) if numbers is None and view.zoom != NUMBERS else self._number(numbers, column, code)
            if column == cursor:
                style = ground + self._cursor
            segments.append(Segment(text, style))
        return segments

    def _number(self, numbers: NDArray[Any] | None, column: int, code: int) -> str:
        room = self._number_width - 1
        if numbers is None:
            return f"{'–':>{room}} "
        if self.values == "error" and code == RIGHT:
            return f"{'·':>{room}} "
        number = numbers[column].item()
        is_known = self.values not in ("difference", "ratio") or number == number
        text = brief_within(number, _DIGITS, room) if is_known else "–"
        return f"{text:>{room}} "

    @property
    def _quiet(self) -> Style:
        return Style(color=self.app.theme_variables["quiet"])

    @property
    def _here(self) -> Style:
        return Style(color=self.app.theme_variables["foreground"], bold=True)

    @property
    def _cursor(self) -> Style:
        variables = self.app.theme_variables
        return Style(color=variables["background"], bgcolor=variables["foreground"], bold=True)
