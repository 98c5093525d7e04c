"""Which part of a gradient the map shows, and where its cursor is: moves are functions from one view to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

NUMBERS = -1
"""The zoom at which a cell holds a number."""


@dataclass(frozen=True)
class View:
    """A look at a gradient.

    Attributes:
        shape: of the gradient, with at least two axes: a vector is one row, a scalar one cell.
        index: of the cursor; the axes that are not shown stand there.
        rows, columns: the axes that run down and across.
        step: which of the others is stepped through; None where there is none.
        zoom: a cell is a block of 2 to this power elements along each axis, or `NUMBERS`.
        most: the zoom at which all can be seen, of rows and of columns.
        top, left: the first block that can be seen.
    """

    shape: tuple[int, ...]
    index: tuple[int, ...]
    rows: int
    columns: int
    step: int | None = None
    zoom: int = 0
    most: tuple[int, int] = (0, 0)
    top: int = 0
    left: int = 0

    @property
    def others(self) -> tuple[int, ...]:
        """The axes that are not shown."""
        return tuple(axis for axis in range(len(self.shape)) if axis not in (self.rows, self.columns))

    @property
    def block(self) -> tuple[int, int]:
        """How many elements a cell stands for, down and across."""
        zoom = max(0, self.zoom)
        return 1 << min(zoom, self.most[0]), 1 << min(zoom, self.most[1])

    @property
    def size(self) -> tuple[int, int]:
        """How many cells there are, down and across."""
        return tuple(-(-self.shape[axis] // block) for axis, block in zip((self.rows, self.columns), self.block))  # type: ignore[return-value]

    @property
    def cursor(self) -> tuple[int, int]:
        """The cell that the cursor is in."""
        height, width = self.block
        return self.index[self.rows] // height, self.index[self.columns] // width

    @property
    def position(self) -> int:
        """Of the cursor, in the flattened gradient."""
        return int(np.ravel_multi_index(self.index, self.shape))

    def at(self, index: tuple[int, ...]) -> View:
        """The cursor on an element, or on the nearest one there is."""
        inside = tuple(min(max(0, place), size - 1) for place, size in zip(index, self.shape))
        return replace(self, index=inside)

    def at_position(self, position: int) -> View:
        """The cursor on an element of the flattened gradient."""
        return self.at(tuple(int(place) for place in np.unravel_index(position, self.shape)))

    def moved(self, down: int, across: int) -> View:
        """The cursor so many cells further."""
        height, width = self.block
        index = list(self.index)
        for axis, cells, block in ((self.rows, down, height), (self.columns, across, width)):
            if cells:
                index[axis] = (index[axis] // block + cells) * block if block > 1 else index[axis] + cells
        return self.at(tuple(index))

    def at_cell(self, row: int, column: int) -> View:
        """The cursor at the first element of a cell."""
        height, width = self.block
        index = list(self.index)
        index[self.rows], index[self.columns] = row * height, column * width
        return self.at(tuple(index))

    def stepped(self, by: int) -> View:
        """The next plane along the axis that is stepped through; after the last comes the first."""
        if self.step is None:
            return self
        index = list(self.index)
        index[self.step] = (index[self.step] + by) % self.shape[self.step]
        return replace(self, index=tuple(index))

    def next_step(self) -> View:
        """Step through another axis."""
        if self.step is None:
            return self
        others = self.others
        return replace(self, step=others[(others.index(self.step) + 1) % len(others)])

    def with_next(self, *, rows: bool) -> View:
        """Another axis down (or across): the next of those that are not shown."""
        if not self.others:
            return self
        shown = self.rows if rows else self.columns
        after = [axis for axis in self.others if axis > shown]
        axis = after[0] if after else self.others[0]
        return self._with_axes(*((axis, self.columns) if rows else (self.rows, axis)))

    def transposed(self) -> View:
        """Rows across and columns down."""
        return self._with_axes(self.columns, self.rows)

    def zoomed(self, by: int) -> View:
        """Closer by so many steps, or farther where negative."""
        return replace(self, zoom=min(max(NUMBERS, self.zoom - by), max(0, *self.most)))

    def within(self, height: int, width: int) -> View:
        """With the cursor inside a screen of so many cells, and no empty space where there is something to see."""
        top, left = (
            min(max(first, cursor - screen + 1, 0), cursor, max(0, size - screen))
            for first, cursor, screen, size in zip(
                (self.top, self.left), self.cursor, (max(1, height), max(1, width)), self.size
            )
        )
        return replace(self, top=top, left=left)

    def fitted(self, height: int, width: int) -> View:
        """Farthest out: all to be seen on a screen of so many cells."""
        most = _least_power(self.shape[self.rows], height), _least_power(self.shape[self.columns], width)
        return replace(self, most=most, zoom=max(most), top=0, left=0)

    def _with_axes(self, rows: int, columns: int) -> View:
        turned = replace(self, rows=rows, columns=columns, top=0, left=0, most=(0, 0))
        others = turned.others
        step = self.step if self.step in others else others[0] if others else None
        return replace(turned, step=step)


def view_of(shape: tuple[int, ...]) -> View:
    """The two longest axes, in their order; of equals the later ones."""
    shape = (1,) * (2 - len(shape)) + shape
    rows, columns = sorted(sorted(range(len(shape)), key=lambda axis: (shape[axis], axis))[-2:])
    view = View(shape, (0,) * len(shape), rows, columns)
    return replace(view, step=view.others[0] if view.others else None)


def _least_power(size: int, screen: int) -> int:
    """The zoom from which so many elements fit."""
    power = 0
    while -(-size // (1 << power)) > max(1, screen):
        power += 1
    return power
