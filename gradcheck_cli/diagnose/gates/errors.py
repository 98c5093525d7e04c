"""What is wrong with the gradients of one case, and which of the gradients a wrong backward explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.cause import is_wrong
from gradcheck_cli.diagnose.gates.reverse import Array
from gradcheck_cli.diagnose.misfit import CLEAR, REST, allowed, is_decided
from gradcheck_cli.diagnose.sizes import is_close
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict

MOST_ROOM = 1e3
"""Tolerances that a wrong backward may be off, where its gradient is so many times as large as the right one."""


def are_one_number(one: float | None, other: float | None) -> bool:
    """Whether two cases show the same factor."""
    return one is not None and other is not None and is_close(one, other)


@dataclass(frozen=True, eq=False)
class Wrong:
    """One gradient, yours and the right one.

    Attributes:
        leaf: its position.
        name, called: the leaf, and what the user calls its gradient.
        is_wrong: it was found wrong, clearly.
        tolerance: how far yours may be from the right one.
        at: the elements that are looked at: those that are at no kink.
    """

    leaf: int
    name: str
    called: str
    is_wrong: bool
    yours: Array
    right: Array
    tolerance: Array
    at: NDArray[np.intp]

    @property
    def error(self) -> Array:
        """Yours less the right one, at those elements."""
        return (self.yours - self.right)[self.at]

    def rest(self, predicted: Array) -> float | None:
        """What a wrong backward leaves unexplained, as a share of the error; None where that is too much."""
        left = np.abs(self.yours - predicted)[self.at]
        if (left > self.tolerance[self.at] * MOST_ROOM).any():
            return None
        size = float(np.linalg.norm(self.error))
        room = 1 + float(np.linalg.norm(predicted)) / max(float(np.linalg.norm(self.right)), 1e-300)
        if (left > self.tolerance[self.at] * min(room, MOST_ROOM)).any():
            return None
        rest = float(np.linalg.norm(left)) / size if size else 0.0
        return rest if not self.is_wrong or rest < REST else None

    def factor(self, predicted: Array) -> float | None:
        """The number that the right gradient is multiplied by; None where that does not explain what is wrong."""
        length = float(np.vdot(self.right, self.right))
        if not length:
            return None
        factor = float(np.vdot(self.right, predicted)) / length
        error = float(np.linalg.norm(predicted - self.right))
        is_number = float(np.linalg.norm(predicted - factor * self.right)) <= REST * error
        return factor if is_number else None


def errors_of(verdict: DrawVerdict) -> tuple[Wrong, ...]:
    """By leaf that was judged; nothing unless one is wrong, or where one is complex or yours is not finite.

    Others are left out: of those nothing is known.
    """
    found = [
        _error(position, leaf)
        for position, leaf in enumerate(verdict.leaves)
        if leaf.yours is not None and leaf.reference is not None and leaf.tolerance is not None and is_decided(leaf)
    ]
    if any(one is None for one in found):
        return ()
    kept = tuple(one for one in found if one is not None)
    return kept if any(one.is_wrong for one in kept) else ()


def _error(position: int, leaf: LeafVerdict) -> Wrong | None:
    assert leaf.yours is not None and leaf.reference is not None and leaf.tolerance is not None
    if "c" in (leaf.yours.dtype.kind, leaf.reference.dtype.kind):
        return None
    yours, right = np.asarray(leaf.yours, np.float64).reshape(-1), np.asarray(leaf.reference, np.float64).reshape(-1)
    is_known = np.isfinite(right)
    if not np.isfinite(yours).all() or _wrong_map(leaf)[~is_known].any():
        return None
    yours, right = np.where(is_known, yours, 0.0), np.where(is_known, right, 0.0)
    tolerance = np.where(is_known, allowed(leaf), 0.0)
    is_clear = float(np.linalg.norm(yours - right)) > CLEAR * float(np.linalg.norm(tolerance))
    is_excused = (np.abs(yours - right) > tolerance) & ~_wrong_map(leaf)
    received = leaf.received
    return Wrong(
        leaf=position,
        name=received.leaf.name,
        called=received.name,
        is_wrong=is_wrong(leaf) and is_clear,
        yours=yours,
        right=right,
        tolerance=tolerance,
        at=np.flatnonzero(is_known & ~is_excused),
    )


def _wrong_map(leaf: LeafVerdict) -> NDArray[np.bool_]:
    size = 0 if leaf.reference is None else leaf.reference.size
    return np.zeros(size, np.bool_) if leaf.wrong_map is None else leaf.wrong_map.reshape(-1)


def held_against(errors: Sequence[Wrong], gradients: Sequence[Array]) -> tuple[Wrong, ...]:
    """The errors where yours were held against these gradients: at a kink, another slope may have been taken.

    Nothing where that is less than half of a wrong one.
    """
    kept = []
    for one in errors:
        is_same = np.abs(gradients[one.leaf].reshape(-1) - one.right) <= one.tolerance
        at = one.at[is_same[one.at]]
        if 2 * len(at) >= one.right.size:
            kept.append(replace(one, at=at))
        elif one.is_wrong:
            return ()
    return tuple(kept)
