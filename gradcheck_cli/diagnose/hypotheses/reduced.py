"""Hypotheses about sums: one along a wrong axis, one too many, a running sum that is missing or runs backwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from gradcheck_cli.diagnose.hypotheses.failing import Array, Failing, Gradient
from gradcheck_cli.diagnose.hypotheses.own import MOST
from gradcheck_cli.diagnose.hypotheses.prediction import Predicted, Prediction
from gradcheck_cli.diagnose.hypotheses.rearranging import MISPLACED, along, axis_text

CODE = "GC206"


def reduced(gradient: Gradient, failing: Failing) -> Iterator[Prediction]:
    """The gradient summed along axes of its own, or over them from one end.

    Where the forward selects, a sum may as well be a mask that is missing.
    """
    shape = gradient.reference.shape
    if gradient.reference.size > MOST or not gradient.counts.all():
        return
    long = [axis for axis, size in enumerate(shape) if size > 1]
    for count in range(1, len(long) + 1) if not failing.selects else ():
        for axes in combinations(long, count):
            if _is_selection(gradient, axes):
                continue
            says = f"the sum of the gradient along {along(gradient.axes, axes)}, everywhere the same"
            why = "it must not be summed there"
            yield Prediction(("summed", axes), CODE, 2 + count, says, _of(gradient, _summing(axes)), why)
    for axis in long:
        name = axis_text(gradient.axes, axis)
        ways: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
            ("running sum", f"the running sum of the gradient along {name}", _running(axis)),
            ("running sum back", f"the running sum of the gradient along {name} from its end", _from_the_end(axis)),
            ("difference", f"the gradient without its running sum along {name}", _differences(axis)),
            ("difference back", f"the gradient without its running sum along {name} from the end", _back(axis)),
            ("other direction", f"the gradient with its sum along {name} running forward, not backward", _turned(axis)),
        )
        for key, says, apply in ways:
            code = MISPLACED if key == "other direction" else CODE
            yield Prediction((key, axis), code, 4, says, _of(gradient, apply))


def _is_selection(gradient: Gradient, axes: tuple[int, ...]) -> bool:
    """Whether few elements along the axes have a gradient, as after a maximum: then a mask is missing."""
    size = int(np.prod([gradient.reference.shape[axis] for axis in axes]))
    return bool(2 * np.count_nonzero(gradient.reference) <= gradient.reference.size) or bool(
        size > 1 and (np.count_nonzero(gradient.reference, axis=axes) <= 1).all()
    )


def _of(gradient: Gradient, apply: Callable[[Array], Array]) -> Callable[[], Predicted]:
    def predicted() -> Predicted:
        largest = float(gradient.allowed.max()) * max(gradient.reference.shape)
        return Predicted(apply(gradient.reference), np.fmax(gradient.allowed, largest))

    return predicted


def _summing(axes: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda array: np.broadcast_to(array.sum(axis=axes, keepdims=True), array.shape)


def _running(axis: int) -> Callable[[Array], Array]:
    return lambda array: np.cumsum(array, axis)


def _from_the_end(axis: int) -> Callable[[Array], Array]:
    return lambda array: np.flip(np.cumsum(np.flip(array, axis), axis), axis)


def _differences(axis: int) -> Callable[[Array], Array]:
    return lambda array: np.diff(array, axis=axis, prepend=0.0)


def _back(axis: int) -> Callable[[Array], Array]:
    return lambda array: np.flip(np.diff(np.flip(array, axis), axis=axis, prepend=0.0), axis)


def _turned(axis: int) -> Callable[[Array], Array]:
    """What was summed from the end on, summed from the start."""
    back = _back(axis)
    return lambda array: np.cumsum(back(array), axis)
