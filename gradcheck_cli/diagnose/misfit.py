"""What is wrong with the gradients of one case, and whether what flows along some edges explains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.cause import is_wrong
from gradcheck_cli.judge.verdict import AUTODIFF, DIFFERENCES, DrawVerdict, LeafVerdict
from gradcheck_cli.report.model import Status

Vector = NDArray[Any]

DROPPED = -1.0
SIMPLE = (DROPPED, -2.0, 1.0, -0.5)
"""α of a path that is dropped, has the wrong sign, is counted twice, is halved: tried before any other number."""

REST = 1e-3
"""How much of the error an edge may leave unexplained, whatever the tolerances allow."""

CLEAR = 20.0
"""The error is this many times the tolerances, or nothing is read out of it: rounding fits many edges."""

NOTHING = 1e-10
"""A flow of less than this share of the gradient is none: a path that cancels."""


@dataclass(frozen=True)
class Misfit:
    """All leaves of a case in one row: yours, the gradient, and how far they may be apart.

    Attributes:
        parts: by leaf, its name and where it is in the row.
        size: of the error: yours less the gradient.
    """

    parts: tuple[tuple[str, slice], ...]
    yours: Vector
    gradient: Vector
    tolerance: Vector
    size: float

    @property
    def error(self) -> Vector:
        """Yours less the gradient."""
        return self.yours - self.gradient

    def rest(self, gradient: Vector, factor: float) -> float | None:
        """What yours differs from another gradient by, relative to the error; None where that is too much.

        Args:
            factor: by which some flow was taken, and its rounding with it.
        """
        left = self.yours - gradient
        rest = float(np.linalg.norm(left)) / self.size
        return rest if rest < REST and not (np.abs(left) > self.tolerance * (1 + abs(factor))).any() else None

    def fitted(self, gradient: Vector, flow: Vector) -> tuple[float, float] | None:
        """The factor at which `gradient + factor · flow` is yours, made simple where that fits as well, and the rest.

        None where it leaves too much.
        """
        error = self.yours - gradient
        factor = float(np.real(np.vdot(flow, error)) / np.vdot(flow, flow).real)
        rest = float(np.linalg.norm(error - factor * flow)) / self.size
        if not rest < REST or not np.isfinite(factor):
            return None
        for simple in SIMPLE:
            if abs(simple - factor) <= 8 * abs(factor) * max(rest, 1e-12):
                factor = simple
        left = self.rest(gradient + factor * flow, factor)
        return None if left is None else (factor, left)

    def only(self, name: str) -> Misfit:
        """What is wrong with one leaf."""
        (part,) = [part for other, part in self.parts if other == name]
        yours, gradient, tolerance = self.yours[part], self.gradient[part], self.tolerance[part]
        parts = ((name, slice(0, len(yours))),)
        return Misfit(parts, yours, gradient, tolerance, float(np.linalg.norm(yours - gradient)))

    def shares(self, wrong: Vector) -> tuple[tuple[str, float | None], ...]:
        """By leaf that is wrong by this, what number times the gradient it is; None where it is no multiple."""
        shares: list[tuple[str, float | None]] = []
        for name, part in self.parts:
            size = float(np.linalg.norm(wrong[part]))
            if size <= NOTHING * self.size:
                continue
            gradient = self.gradient[part]
            length = float(np.vdot(gradient, gradient).real)
            share = float(np.real(np.vdot(gradient, wrong[part]))) / length if length else 0.0
            is_multiple = float(np.linalg.norm(wrong[part] - share * gradient)) <= REST * size
            shares.append((name, share if is_multiple else None))
        return tuple(shares)

    def reached(self, flow: Vector) -> tuple[str, ...]:
        """The leaves that something of a flow goes to."""
        least = NOTHING * max(float(np.linalg.norm(flow)), NOTHING * self.size)
        return tuple(name for name, part in self.parts if float(np.linalg.norm(flow[part])) > least)

    def is_zero(self) -> bool:
        """Whether yours is zero throughout wherever it is wrong."""
        return all(not self.yours[part].any() for _, part in self.parts if self.is_off(part))

    def is_off(self, part: slice) -> bool:
        """Whether yours is wrong there."""
        return bool((np.abs(self.yours[part] - self.gradient[part]) > self.tolerance[part]).any())


def judged_leaves(verdict: DrawVerdict) -> list[tuple[int, LeafVerdict]] | None:
    """The leaves with their positions; None unless at least one is wrong, and a witness decides on each."""
    found = []
    for position, leaf in enumerate(verdict.leaves):
        if leaf.yours is None and (leaf.status is Status.PASS or leaf.received.missing):
            continue  # none was asked for, or none came back, which is a finding of its own
        if leaf.yours is None or leaf.reference is None or leaf.tolerance is None or not is_decided(leaf):
            return None
        if not np.isfinite(leaf.yours).all() or not np.isfinite(leaf.reference).all():
            return None
        found.append((position, leaf))
    return found if any(is_wrong(leaf) for _, leaf in found) else None


def is_decided(leaf: LeafVerdict) -> bool:
    """Whether a witness has said what is right; a difference does where autodiff is not finite."""
    return leaf.decided_by in (AUTODIFF, DIFFERENCES)


def allowed(leaf: LeafVerdict) -> NDArray[np.float64]:
    """How far each element of a leaf that has a reference may be from it, flat: its tolerance and the error bar."""
    assert leaf.reference is not None and leaf.tolerance is not None
    reference = np.abs(leaf.reference).reshape(-1)
    tolerance = np.asarray(leaf.tolerance.at(reference, slice(0, reference.size)))
    return tolerance if leaf.bars is None else tolerance + leaf.bars.reshape(-1)


def misfit_of(leaves: Sequence[tuple[int, LeafVerdict]]) -> Misfit | None:
    """What is wrong; None where it is too little."""
    parts, yours, references, tolerances = [], [], [], []
    start, is_clear = 0, False
    for _, leaf in leaves:
        assert leaf.yours is not None and leaf.reference is not None and leaf.tolerance is not None
        count = leaf.reference.size
        parts.append((leaf.received.leaf.name, slice(start, start + count)))
        start += count
        yours.append(np.asarray(leaf.yours, np.result_type(leaf.yours.dtype, np.float64)).reshape(-1))
        references.append(leaf.reference.reshape(-1))
        tolerances.append(allowed(leaf))
        # leaf by leaf: their units differ
        is_clear |= float(np.linalg.norm(yours[-1] - references[-1])) > CLEAR * float(np.linalg.norm(tolerances[-1]))
    tolerance, mine, gradient = np.concatenate(tolerances), np.concatenate(yours), np.concatenate(references)
    size = float(np.linalg.norm(mine - gradient))
    return Misfit(tuple(parts), mine, gradient, tolerance, size) if is_clear else None
