"""Hypotheses of a gradient by itself: it is a multiple of what it should be, or has its numbers in other places."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.hypotheses.failing import Array, Gradient
from gradcheck_cli.diagnose.hypotheses.prediction import FEW, Predicted, Prediction, different
from gradcheck_cli.diagnose.hypotheses.rearranging import MISPLACED, axis_text, rearrangements

MOST = 2**18
"""Gradients with more elements than this are held against a multiple and a transpose only: the rest would take long."""

FEWEST = 4
"""So many rows or elements must have been given to others."""

MOST_ROWS = 2**11

TINY = 1e-6

FEW_ROWS = 3
"""A matrix of fewer is too small to be symmetric by more than chance."""

VAGUE = 9
"""A prediction of this rank says where the numbers are, and anything more special goes before."""

MEND = "compare the indices of both directions"


def multiple(gradient: Gradient) -> Prediction:
    """The gradient itself, c times."""
    return Prediction(("multiple",), "GC202", 0, "", lambda: Predicted(gradient.reference, gradient.allowed))


def rearranged(gradient: Gradient) -> Iterator[Prediction]:
    """The gradient transposed, flipped, rolled, shifted, reshaped in the wrong order."""
    for way in rearrangements(gradient.reference.shape, gradient.axes):
        if gradient.reference.size > MOST and way.key[0] != "transposed":
            continue
        says = f"the gradient {way.how}"
        mend = None if way.mend is None else way.mend.format(gradient.said)
        yield Prediction(way.key, way.code, way.rank, says, _applied(gradient, way.apply), mend=mend)


def _applied(gradient: Gradient, apply: Callable[[Array], Array]) -> Callable[[], Predicted]:
    def predicted() -> Predicted:
        values = apply(gradient.reference)
        known = apply(gradient.counts.astype(float)) > 0.5
        allowed = np.nan_to_num(apply(gradient.allowed), nan=0.0)
        return Predicted(np.where(known, values, 0.0), allowed, known | _is_filled(apply, gradient))

    return predicted


def _is_filled(apply: Callable[[Array], Array], gradient: Gradient) -> NDArray[np.bool_]:
    """Where a zero stands that comes from no element."""
    return np.asarray(apply(np.ones(gradient.reference.shape)) == 0)


def asymmetric(gradient: Gradient) -> Iterator[Prediction]:
    """The gradient of a matrix of which only the symmetric part is read, before it is made symmetric itself."""
    shape = gradient.reference.shape
    if len(shape) < 2 or shape[-1] != shape[-2] or shape[-1] < FEW_ROWS or gradient.reference.size > MOST:
        return

    def predicted() -> Predicted | None:
        reference, yours = gradient.reference, gradient.yours
        turned = np.conj(np.swapaxes(reference, -1, -2))
        if (np.abs(turned - reference) > 2 * gradient.allowed).any():
            return None
        antisymmetric = (yours - np.conj(np.swapaxes(yours, -1, -2))) / 2
        share = np.real(np.vdot(reference, yours)) / max(float(np.vdot(reference, reference).real), TINY)
        return Predicted(reference + antisymmetric / share, gradient.allowed) if abs(share) > TINY else None

    says = (
        f"the gradient before it is made symmetric, as the forward reads only the symmetric part of `{gradient.name}`"
    )
    yield Prediction(("asymmetric",), "GC209", 1, says, predicted, mend="make it symmetric: `(S + S.T) / 2`")


def shuffled(gradient: Gradient) -> Iterator[Prediction]:
    """The gradient's own rows in another order, or its elements."""
    if gradient.reference.size > MOST or not gradient.counts.all() or different(gradient.reference) < FEW:
        return
    for axis, size in enumerate(gradient.reference.shape):
        name = axis_text(gradient.axes, axis)
        if FEWEST <= size <= MOST_ROWS and gradient.reference.size > size:
            says = f"the gradient with its places along {name} mixed up"
            yield Prediction(
                ("rows", axis),
                MISPLACED,
                VAGUE,
                says,
                _rows(gradient, axis),
                mend=MEND,
                needs_one=True,
            )
    says = "the gradient with its numbers in other places"
    yield Prediction(
        ("elements",),
        MISPLACED,
        VAGUE + 1,
        says,
        _elements(gradient),
        mend=MEND,
        needs_one=True,
    )


def _rows(gradient: Gradient, axis: int) -> Callable[[], Predicted | None]:
    def predicted() -> Predicted | None:
        reference, yours = (
            np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1) for array in (gradient.reference, gradient.yours)
        )
        distances = np.array([np.abs(reference - row).max(axis=1) for row in yours])
        chosen = distances.argmin(axis=1)
        if len(set(chosen.tolist())) < len(chosen):
            return None
        return Predicted(np.take(gradient.reference, chosen, axis), np.take(gradient.allowed, chosen, axis))

    return predicted


def _elements(gradient: Gradient) -> Callable[[], Predicted | None]:
    def predicted() -> Predicted | None:
        if np.iscomplexobj(gradient.yours) or np.count_nonzero(gradient.wrong) < FEWEST:
            return None
        mine, source = (np.argsort(array, axis=None, kind="stable") for array in (gradient.yours, gradient.reference))
        values, allowed = np.empty(mine.size), np.empty(mine.size)
        values[mine] = gradient.reference.reshape(-1)[source]
        allowed[mine] = gradient.allowed.reshape(-1)[source]
        shape = gradient.yours.shape
        return Predicted(values.reshape(shape), allowed.reshape(shape))

    return predicted
