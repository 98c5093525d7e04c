"""Hypotheses about the upstream gradient: yours is the gradient for another one than what came in.

The last example was left out, every row got the mean, the axes were permuted, it was taken for ones.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.diagnose.hypotheses.failing import Array, Failing, Gradient
from gradcheck_cli.diagnose.hypotheses.prediction import Predicted, Prediction
from gradcheck_cli.diagnose.hypotheses.rearranging import axis_text, rearrangements

MOST = 2**20
"""Elements of leaves and outputs together above which none of this is looked at: each is a reverse pass."""

SLACK = 8.0
"""A gradient for another upstream gradient has a rounding of its own: the leaf's largest tolerance, times this."""


@dataclass(frozen=True)
class Other:
    """Another upstream gradient; see `Prediction`."""

    key: Hashable
    code: str
    rank: int
    says: str
    apply: Callable[[Array], Array]
    why: str = ""


@dataclass(frozen=True)
class Pulls:
    """The gradients of all leaves for other upstream gradients, each computed once and only when asked for."""

    failing: Failing
    known: dict[Hashable, dict[str, Array]]

    def predictions(self, gradient: Gradient) -> Iterator[Prediction]:
        """For one leaf."""
        failing = self.failing
        size = sum(each.upstream.size for each in failing.outputs) + sum(g.reference.size for g in failing.gradients)
        if failing.pulled is None or size > MOST:
            return
        several = len(failing.outputs) > 1
        for position, output in enumerate(failing.outputs):
            shape = output.upstream.shape
            if output.upstream.size < 2:
                continue
            for other in _others(shape, output.axes, output.said):
                key = ("upstream", position if several else 0, other.key)
                yield Prediction(
                    key, other.code, other.rank, other.says, self._of(gradient, position, other, key), other.why
                )

    def _of(self, gradient: Gradient, position: int, other: Other, key: Hashable) -> Callable[[], Predicted | None]:
        def predicted() -> Predicted | None:
            if key not in self.known:
                self.known[key] = self._pulled(position, other)
            values = self.known[key].get(gradient.name)
            if values is None or values.shape != gradient.reference.shape:
                return None
            largest = SLACK * float(np.max(gradient.allowed, initial=0.0))
            return Predicted(values, np.fmax(gradient.allowed, largest))

        return predicted

    def _pulled(self, position: int, other: Other) -> dict[str, Array]:
        upstream = [output.upstream for output in self.failing.outputs]
        changed = np.asarray(other.apply(upstream[position]))
        if not np.isfinite(changed).all() or np.array_equal(changed, upstream[position]):
            return {}
        upstream[position] = changed
        assert self.failing.pulled is not None
        return dict(self.failing.pulled(upstream))


def _others(shape: tuple[int, ...], axes: tuple[str, ...], said: str) -> Iterator[Other]:
    for axis, size in enumerate(shape):
        if size > 1:
            yield from _along(axis, axis_text(axes, axis), said)
    if len(shape) > 1:
        yield Other(
            ("mean",),
            "GC206",
            4,
            f"the gradient for the mean of `{said}` in place of each of its elements",
            _mean(None),
        )
    yield Other(("ones",), "GC207", 3, f"the gradient for ones in place of `{said}`", np.ones_like)
    yield Other(("squared",), "GC207", 3, f"the gradient for the square of `{said}`", np.square)
    yield Other(("size",), "GC207", 5, f"the gradient for the absolute value of `{said}`", np.abs)
    for way in rearrangements(shape, axes):
        if way.key[0] == "moved":  # type: ignore[index]
            continue
        yield Other(way.key, way.code, 2 + way.rank, f"the gradient for `{said}` {way.how}", way.apply)


def _along(axis: int, name: str, said: str) -> Iterator[Other]:
    for end, place in (("last", -1), ("first", 0)):
        says = f"the gradient without the {end} of `{said}` along {name}"
        yield Other(("without", end, axis), "GC211", 3, says, _without(axis, place), "a loop or a slice misses it")
        says = f"the gradient of the {end} of `{said}` along {name} alone"
        yield Other(("only", end, axis), "GC206", 3, says, _only(axis, place), f"the sum over {name} is missing")
    says = f"the gradient for the mean of `{said}` along {name} in place of each of its elements"
    yield Other(("mean", axis), "GC206", 3, says, _mean(axis))


def _without(axis: int, place: int) -> Callable[[Array], Array]:
    def without(array: Array) -> Array:
        left = array.copy()
        np.moveaxis(left, axis, 0)[place] = 0
        return left

    return without


def _only(axis: int, place: int) -> Callable[[Array], Array]:
    without = _without(axis, place)
    return lambda array: array - without(array)


def _mean(axis: int | None) -> Callable[[Array], Array]:
    return lambda array: np.broadcast_to(array.mean(axis=axis, keepdims=True), array.shape)
