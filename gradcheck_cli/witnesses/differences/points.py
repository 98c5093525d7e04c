"""The function at chosen points: real coordinates in, rows of real outputs out, every evaluation counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.witnesses.differences.evaluate import Evaluate

Floats = NDArray[np.float64]

TYPICAL_SAMPLE = 4096
"""Elements that a leaf's typical size is the median of, at most."""


class Points:
    """Holds the point, moves it, evaluates there.

    Complex leaves and outputs are pairs of real numbers here: a leaf's coordinates are its real view, flattened.

    Args:
        evaluate: the function.
        leaves: the point, any floating dtypes.
        cotangents: the upstream gradient of each output, float64 or complex128.

    Raises:
        UserError: where the forward, given float64, has other outputs than the upstream gradient is for.
    """

    def __init__(self, evaluate: Evaluate, leaves: Sequence[NDArray[Any]], cotangents: Sequence[NDArray[Any]]) -> None:
        self._evaluate = evaluate
        self.leaves = tuple(_wide_copy(leaf) for leaf in leaves)
        self.origins = tuple(real_view(leaf.copy()) for leaf in self.leaves)
        self.moved = tuple(real_view(leaf) for leaf in self.leaves)
        self.typical = tuple(_typical(origin) for origin in self.origins)
        self.weights = flat_weights(cotangents)
        self._kinds = [np.dtype(np.complex128 if np.iscomplexobj(g) else np.float64) for g in cotangents]
        self._shapes = [np.shape(g) for g in cotangents]
        self.evaluations = 0
        self.base = np.empty(len(self.weights))
        self._write(self._run(), self.base, strict=True)

    @property
    def outputs(self) -> int:
        """How many real outputs there are."""
        return len(self.weights)

    def scales(self, leaf: int, coordinates: NDArray[np.intp]) -> Floats:
        """What a relative step of coordinates is relative to: their own size, or what is typical of the leaf."""
        sizes = np.maximum(np.abs(self.origins[leaf][coordinates]), self.typical[leaf])
        return np.where(np.isfinite(sizes), sizes, self.typical[leaf])

    def here(self, row: Floats) -> None:
        """Evaluate where the leaves stand now, into `row`; NaN where the forward raises there."""
        try:
            outputs = self._run()
        except Exception:  # outside the function's domain: another step will be tried
            row.fill(np.nan)
            return
        self._write(outputs, row, strict=False)

    def along(self, direction: Sequence[Floats], offset: float, row: Floats) -> None:
        """Evaluate at the point plus `offset` times `direction` (a real view of each leaf), into `row`."""
        for moved, origin, part in zip(self.moved, self.origins, direction):
            np.multiply(part, offset, out=moved)
            moved += origin
        self.here(row)

    def back(self) -> None:
        """Return to the point itself."""
        for moved, origin in zip(self.moved, self.origins):
            moved[:] = origin

    def _run(self) -> tuple[NDArray[Any], ...]:
        self.evaluations += 1
        return self._evaluate(self.leaves)

    def _write(self, outputs: tuple[NDArray[Any], ...], row: Floats, *, strict: bool) -> None:
        shapes = [output.shape for output in outputs]
        if shapes != self._shapes:
            if strict:
                raise UserError(
                    f"given float64 inputs the forward's outputs have shapes {shapes}, before they had {self._shapes}",
                    code="GC502",
                )
            row.fill(np.nan)
            return
        start = 0
        for output, kind in zip(outputs, self._kinds):
            part = output.reshape(-1)
            if kind.kind == "c":
                part = part.astype(np.complex128, copy=False).view(np.float64)
            stop = start + len(part)
            row[start:stop] = part
            start = stop


def real_view(array: NDArray[Any]) -> Floats:
    """A contiguous float64 or complex128 array as a flat array of reals that shares its memory."""
    return array.reshape(-1).view(np.float64)


def flat_weights(cotangents: Sequence[NDArray[Any]]) -> Floats:
    """Weights w with Re Σ g·f = Σ w·(f as reals): g itself; for a complex g its real part and minus its imaginary."""
    parts = [
        real_view(np.ascontiguousarray(g.conj() if np.iscomplexobj(g) else g)) for g in map(_wide_copy, cotangents)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _wide_copy(array: NDArray[Any]) -> NDArray[Any]:
    return np.array(array, np.complex128 if np.iscomplexobj(array) else np.float64, order="C")


def _typical(coordinates: Floats) -> float:
    """The median size of those that are not zero; 1 where there is none."""
    sizes = np.abs(coordinates[:: max(1, len(coordinates) // TYPICAL_SAMPLE)])
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return float(np.median(sizes)) if len(sizes) else 1.0
