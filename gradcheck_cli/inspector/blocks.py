"""The worst code of each block of a plane, for maps that are larger than the screen; computed once and remembered."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from gradcheck_cli.inspector.heat import Codes

_PLANES = 8


class Blocks:
    """Blocks of planes through a gradient's codes.

    Args:
        codes: of at least two axes.
    """

    def __init__(self, codes: Codes) -> None:
        self._codes = codes
        self._planes: OrderedDict[tuple[int | None, ...], dict[tuple[int, int], Codes]] = OrderedDict()

    def of(self, rows: int, columns: int, index: tuple[int, ...], height: int, width: int) -> Codes:
        """One plane in blocks.

        Args:
            rows, columns: the axes that run down and across.
            index: where the plane lies along the others.
            height, width: of a block; powers of two.
        """
        if rows > columns:
            return self.of(columns, rows, index, width, height).T
        key = tuple(None if axis in (rows, columns) else place for axis, place in enumerate(index))
        if key not in self._planes:
            plane = self._codes[tuple(slice(None) if place is None else place for place in key)]
            self._planes[key] = {(1, 1): plane}
        self._planes.move_to_end(key)
        if len(self._planes) > _PLANES:
            self._planes.popitem(last=False)
        return _blocks(self._planes[key], height, width)


def _blocks(known: dict[tuple[int, int], Codes], height: int, width: int) -> Codes:
    """From the next finer ones, which are remembered too."""
    if (height, width) not in known:
        if height > 1:
            found = _halved(_blocks(known, height // 2, width))
        else:
            found = np.ascontiguousarray(_halved(_blocks(known, height, width // 2).T).T)
        known[height, width] = found
    return known[height, width]


def _halved(codes: Codes) -> Codes:
    """The greater of each two rows; a last one alone stays."""
    even = codes[::2].copy()
    odd = codes[1::2]
    np.maximum(even[: len(odd)], odd, out=even[: len(odd)])
    return even
