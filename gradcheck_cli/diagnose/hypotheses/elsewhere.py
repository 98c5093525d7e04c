"""Hypotheses that cost a reverse pass each: yours is the gradient for another upstream gradient, or at another input.

The last example was left out, every row got the mean, the axes were permuted, the upstream gradient was taken for
ones; the kernel was not flipped, the weights not transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from gradcheck_cli.diagnose.hypotheses.failing import Array, Failing, Gradient, Output
from gradcheck_cli.diagnose.hypotheses.own import VAGUE
from gradcheck_cli.diagnose.hypotheses.prediction import Predicted, Prediction
from gradcheck_cli.diagnose.hypotheses.rearranging import axis_text, rearrangements, simple

MOST = 2**16
"""Elements of leaves and outputs together above which none of this is looked at."""

MOST_PASSES = 200
"""Reverse passes of one case for one leaf."""

SLACK = 8.0
"""A gradient for other values has a rounding of its own: the leaf's largest tolerance, times this."""


NEEDED = 16
"""Wrong elements, where a mask at another input is looked at: by chance each is let through or not."""


@dataclass(frozen=True)
class Other:
    """Another upstream gradient; see `Prediction`."""

    key: Hashable
    code: str
    rank: int
    says: str
    apply: Callable[[Array], Array]
    why: str = ""
    is_of_some: bool = False
    """Some of its elements are left out."""


@dataclass(frozen=True)
class Pulls:
    """The gradients of all leaves for other values in one case, each computed once and only when asked for."""

    failing: Failing
    has_values_in_common: bool
    """The other case's labels are these, so that an index may be the same for all that it points to."""
    known: dict[Hashable, Mapping[str, Array]] = field(default_factory=dict)

    def for_another_upstream(self, gradient: Gradient) -> Iterator[Prediction]:
        """Hypotheses about the upstream gradient."""
        several = len(self.failing.outputs) > 1
        if len(self.failing.outputs) > 2 and self._is_small:
            yield from self._of_one_output(gradient)
        for position, output in enumerate(self.failing.outputs if self._is_small else ()):
            others = [*_of_several(output.said)] if several else []
            if output.upstream.size > 1:
                others += _others(output.upstream.shape, output.axes, output.said)
            if self.has_values_in_common:
                others = [other for other in others if not other.is_of_some]
            others = others[:MOST_PASSES]
            for start in range(0, len(others), self.failing.at_once):
                together = others[start : start + self.failing.at_once]
                for other in together:
                    key = _key(position, other)
                    of = self._of(gradient, key, self._upstream(position, together))
                    yield Prediction(key, other.code, other.rank, other.says, of, other.why)
            if several or output.upstream.size != gradient.reference.size or not self._is_small:
                continue
            yield Prediction(
                ("as it came",), "GC204", 3, f"`{output.said}` reshaped, and no more", _as_it_came(output, gradient)
            )

    def _of_one_output(self, gradient: Gradient) -> Iterator[Prediction]:
        """All outputs but one are left out: the others are only logged."""
        outputs = self.failing.outputs
        for position in range(len(outputs)):
            left = " and ".join(f"`{other.said}`" for place, other in enumerate(outputs) if place != position)
            key, says = ("upstream of one", position), f"the gradient without what comes from {left}"
            yield Prediction(key, "GC209", VAGUE, says, self._of(gradient, key, self._only(key, position)))

    def at_another_input(self, gradient: Gradient) -> Iterator[Prediction]:
        """Hypotheses about the values that the backward works with: `w` where `w.T` belongs."""
        for other in self.failing.gradients if self._is_small else ():
            for way in simple(other.reference.shape, other.axes):
                key = ("input", other.name, way.key)
                says = f"the gradient for `{other.name}` {way.how}"
                of = self._of(gradient, key, self._input(key, other.name, way.apply))
                yield Prediction(key, way.code, 1 + way.rank, says, of, needs=NEEDED)

    @property
    def _is_small(self) -> bool:
        failing = self.failing
        sizes = [output.upstream.size for output in failing.outputs]
        sizes += [gradient.reference.size for gradient in failing.gradients]
        return failing.pulled is not None and sum(sizes) <= MOST

    def _of(
        self, gradient: Gradient, key: Hashable, pull: Callable[[], Mapping[Hashable, Mapping[str, Array]]]
    ) -> Callable[[], Predicted | None]:
        def predicted() -> Predicted | None:
            if key not in self.known:
                self.known.update(pull())
            values = self.known[key].get(gradient.name)
            if values is None or values.shape != gradient.reference.shape:
                return None
            largest = SLACK * float(np.max(gradient.allowed, initial=0.0))
            return Predicted(values, np.fmax(gradient.allowed, largest))

        return predicted

    def _upstream(self, position: int, others: Sequence[Other]) -> Callable[[], Mapping[Hashable, Mapping[str, Array]]]:
        def pull() -> Mapping[Hashable, Mapping[str, Array]]:
            right = [output.upstream for output in self.failing.outputs]
            found: dict[Hashable, Mapping[str, Array]] = {_key(position, other): {} for other in others}
            several = {}
            for other in others:
                changed = np.asarray(other.apply(right[position]))
                if not np.array_equal(changed, right[position]):
                    several[_key(position, other)] = [*right[:position], changed, *right[position + 1 :]]
            if several and self.failing.pulled is not None:
                found.update(zip(several, self.failing.pulled(list(several.values()), {})))
            return found

        return pull

    def _only(self, key: Hashable, position: int) -> Callable[[], Mapping[Hashable, Mapping[str, Array]]]:
        def pull() -> Mapping[Hashable, Mapping[str, Array]]:
            if self.failing.pulled is None:
                return {key: {}}
            right = [output.upstream for output in self.failing.outputs]
            others = [one if place == position else np.zeros_like(one) for place, one in enumerate(right)]
            (gradients,) = self.failing.pulled([others], {})
            return {key: gradients}

        return pull

    def _input(
        self, key: Hashable, name: str, apply: Callable[[Array], Array]
    ) -> Callable[[], Mapping[Hashable, Mapping[str, Array]]]:
        def pull() -> Mapping[Hashable, Mapping[str, Array]]:
            value = self.failing.inputs[name]
            changed = apply(value)
            if np.array_equal(changed, value) or self.failing.pulled is None:
                return {key: {}}
            (gradients,) = self.failing.pulled([[output.upstream for output in self.failing.outputs]], {name: changed})
            return {key: gradients}

        return pull


def _key(position: int, other: Other) -> Hashable:
    return "upstream", position, other.key


def _as_it_came(output: Output, gradient: Gradient) -> Callable[[], Predicted | None]:
    """The upstream gradient in the leaf's shape, where the gradient has the same numbers in other places."""

    def predicted() -> Predicted | None:
        values = output.upstream.reshape(gradient.reference.shape)
        if output.upstream.shape == values.shape or np.iscomplexobj(values):
            return None
        apart = np.abs(np.sort(values, axis=None) - np.sort(gradient.reference, axis=None))
        return Predicted(values, gradient.allowed) if (apart <= gradient.allowed.max()).all() else None

    return predicted


def _of_several(said: str) -> Iterator[Other]:
    """Where there are other outputs too."""
    yield Other(("minus",), "GC203", VAGUE, f"the gradient for minus `{said}`", np.negative)
    yield Other(("none",), "GC209", VAGUE, f"the gradient without what comes from `{said}`", np.zeros_like)


def _others(shape: tuple[int, ...], axes: tuple[str, ...], said: str) -> Iterator[Other]:
    for axis, size in enumerate(shape):
        if size > 2:  # of two, the last alone is as well the one that overwrote the first
            yield from _along(axis, axis_text(axes, axis), said)
    for count in range(1, len(shape)):
        for chosen in combinations(range(len(shape)), count):
            # an axis of one in this case may be longer in the other
            if max(shape[axis] for axis in chosen) > 1 and (count > 1 or shape[chosen[0]] == 2):
                *rest, last = (axis_text(axes, axis) for axis in chosen)
                yield from _one_of(chosen, f"{', '.join(rest)} and {last}" if rest else last, said)
    for chosen in (*((axis,) for axis, size in enumerate(shape) if size > 3), *_last_two(shape)):
        names = " and ".join(axis_text(axes, axis) for axis in chosen)
        says = f"the gradient of every other element of `{said}` along {names}"
        yield Other(
            ("every other", chosen), "GC206", 4, says, _every_other(chosen), f"the sum over {names} is missing", True
        )
    for chosen in (*((axis,) for axis, size in enumerate(shape) if size > 3), *_images(shape)):
        names = " and ".join(axis_text(axes, axis) for axis in chosen)
        says = f"the gradient without the border of `{said}` along {names}"
        yield Other(("border", chosen), "GC211", 4, says, _inside(chosen), "a slice misses it", True)
    if len(shape) > 1:
        says = f"the gradient for the mean of `{said}` in place of each of its elements"
        yield Other(("mean",), "GC206", 4, says, _mean(None))
    yield Other(("ones",), "GC207", 3, f"the gradient for ones in place of `{said}`", np.ones_like)
    yield Other(("squared",), "GC207", 3, f"the gradient for the square of `{said}`", np.square)
    yield Other(("size",), "GC207", 5, f"the gradient for the absolute value of `{said}`", np.abs)
    for way in rearrangements(shape, axes):
        if way.key[0] != "moved":
            says, is_of_some = f"the gradient for `{said}` {way.how}", way.key[0] == "shifted"
            yield Other(way.key, way.code, 2 + way.rank, says, way.apply, is_of_some=is_of_some)


def _along(axis: int, name: str, said: str) -> Iterator[Other]:
    for end, place in (("last", -1), ("first", 0)):
        says = f"the gradient without the {end} of `{said}` along {name}"
        yield Other(
            ("without", end, axis), "GC211", 3, says, _without(axis, place), "a loop or a slice misses it", True
        )
        says = f"the gradient of the {end} of `{said}` along {name} alone"
        yield Other(("only", end, axis), "GC206", 3, says, _only(axis, place), f"the sum over {name} is missing", True)
    says = f"the gradient for the mean of `{said}` along {name} in place of each of its elements"
    yield Other(("mean", axis), "GC206", 3, says, _mean(axis))
    says = f"the gradient for the sum of `{said}` along {name} in place of each of its elements"
    yield Other(("sum", axis), "GC206", 3, says, _sum(axis))


def _one_of(chosen: tuple[int, ...], names: str, said: str) -> Iterator[Other]:
    """What is left of loops over these axes that assign where they should add, or of a first one picked."""
    for end, place in (("last", -1), ("first", 0)):
        says = f"the gradient of the {end} of `{said}` along {names} alone"
        apply = _alone(chosen, place)
        why = f"the sum over {names} is missing" + (", as where a loop assigns and does not add" if place else "")
        key = ("only", end, chosen if len(chosen) > 1 else chosen[0])
        yield Other(key, "GC206", 4, says, apply, why, True)


def _alone(chosen: tuple[int, ...], place: int) -> Callable[[Array], Array]:
    def alone(array: Array) -> Array:
        for axis in chosen:
            array = _only(axis, place)(array)
        return array

    return alone


def _without(axis: int, place: int) -> Callable[[Array], Array]:
    def without(array: Array) -> Array:
        left = array.copy()
        np.moveaxis(left, axis, 0)[place] = 0
        return left

    return without


def _only(axis: int, place: int) -> Callable[[Array], Array]:
    without = _without(axis, place)
    return lambda array: array - without(array)


def _sum(axis: int) -> Callable[[Array], Array]:
    return lambda array: np.broadcast_to(array.sum(axis=axis, keepdims=True), array.shape)


def _last_two(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    return _images(shape) if len(shape) > 2 else ()


def _images(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The last two axes, where both are long enough."""
    axes = (len(shape) - 2, len(shape) - 1)
    return (axes,) if len(shape) > 1 and all(shape[axis] > 3 for axis in axes) else ()


def _inside(chosen: tuple[int, ...]) -> Callable[[Array], Array]:
    def inside(array: Array) -> Array:
        left = array.copy()
        for axis in chosen:
            np.moveaxis(left, axis, 0)[[0, -1]] = 0
        return left

    return inside


def _every_other(chosen: tuple[int, ...]) -> Callable[[Array], Array]:
    def every_other(array: Array) -> Array:
        left = array.copy()
        for axis in chosen:
            np.moveaxis(left, axis, 0)[1::2] = 0
        return left

    return every_other


def _mean(axis: int | None) -> Callable[[Array], Array]:
    return lambda array: np.broadcast_to(array.mean(axis=axis, keepdims=True), array.shape)
