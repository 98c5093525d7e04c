"""Hypotheses that take two gradients for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck_cli.diagnose.hypotheses.failing import Failing, Gradient
from gradcheck_cli.diagnose.hypotheses.prediction import Predicted, Prediction

CODE = "GC205"


def swapped(gradient: Gradient, failing: Failing) -> Iterator[Prediction]:
    """The gradient of another argument of the same shape, or of its transpose's."""
    shape = gradient.reference.shape
    for other in failing.gradients:
        if other.name == gradient.name or not other.counts.all():
            continue
        says = f"the gradient of `{other.name}`"
        if other.reference.shape == shape:
            yield Prediction(("swapped", other.name), CODE, 1, says, _of(other, transposed=False), needs_one=True)
        if len(shape) == 2 and other.reference.shape == shape[::-1]:
            says = f"{says}, transposed"
            key = ("swapped", other.name, "transposed")
            yield Prediction(key, CODE, 3, says, _of(other, transposed=True), needs_one=True)


def _of(other: Gradient, *, transposed: bool) -> Callable[[], Predicted]:
    def predicted() -> Predicted:
        values, allowed = other.reference, other.allowed
        return Predicted(values.T, allowed.T) if transposed else Predicted(values, np.asarray(allowed))

    return predicted


def is_a_sum_of_upstream(failing: Failing, name: str) -> bool:
    """Whether the leaf's gradient is just upstream gradient, passed on or summed, as that of a bias is.

    Another gradient that is the same may as well lack its local derivative.
    """
    gradient = failing.gradient(name)
    if gradient is None:
        return True
    total, size = np.sum(gradient.reference), np.sum(np.abs(gradient.reference))
    sums = [np.sum(output.upstream) for output in failing.outputs]
    return any(bool(abs(abs(total) - abs(each)) <= 1e-6 * size) for each in sums)
