"""The third witness: finite differences of the user's own forward, each value with an error bar."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.witnesses.differences.batched import BatchedForward
from gradcheck_cli.witnesses.differences.directions import Direction, random_direction
from gradcheck_cli.witnesses.differences.evaluate import Evaluate
from gradcheck_cli.witnesses.differences.measuring import measured
from gradcheck_cli.witnesses.differences.nearby import EACH_NEARBY, NEARBY_POINTS, around, nearby_slopes
from gradcheck_cli.witnesses.differences.one_sided import Sides, sides
from gradcheck_cli.witnesses.differences.points import Floats, Points
from gradcheck_cli.witnesses.differences.sampling import (
    along_direction,
    by_coordinate,
    by_coordinate_batched,
    probe_dependence,
)
from gradcheck_cli.witnesses.differences.step import Refined, estimate, refine
from gradcheck_cli.witnesses.gradients import Difference, Directional, FiniteDifferences, Upstream

Place = tuple[int, tuple[int, ...]]

MAX_EVALS = 20_000
EVALUATIONS_EACH = 4
RESERVED_SHARE = 8
"""Single elements leave one in so many evaluations for looking at several together."""

RESERVES_FROM = 1_000
"""With fewer evaluations than this nothing is reserved."""

TOGETHER_EVALUATIONS = 48
"""The most that both sides of one line take."""

CHUNK_VALUES = 2**16
"""Values of one kind (rows times outputs) held at a time."""

FARTHER = 2.0**-6
"""The relative step at which a function that stood still is looked at again, where that is what nobody else says."""

CLEARLY = 4.0
"""It moves after all where its slope is this many error bars."""

FIRST_NEARBY = 100
"""Sets the directions to nearby points apart from those of the directional derivatives."""

WORTH_BATCHING = 0.3
"""Seconds that a complete sweep must take before a compiled forward is tried for it: about what compiling takes."""

SLOW_FORWARD = 1e-4
"""Seconds that one evaluation must take, too: a point of a small batch costs about half of that."""


class Differencer:
    """Finite differences of one case's forward, weighted by its upstream gradient, on demand.

    Derivatives are those of φ = Re Σ g·f; for a complex leaf ∂φ/∂Re − i ∂φ/∂Im, as JAX has it, so that the derivative
    along a direction v is Re Σ v·gradient.

    Args:
        evaluate: the user's own forward (`evaluate.evaluator`).
        case: its leaves are the point.
        upstream: g.
        max_evals: how many evaluations are allowed in all; what they do not reach is left out of the answers.
        batch: the compiled trace, for complete sweeps of slow forwards; used only after it has been compared with
            `evaluate` at the point and around it.
        narrowest: the narrowest floating dtype inside the forward where that is known; saves looking for its noise.

    Raises:
        UserError, or what the forward raises: where it does not run on the case's leaves in float64.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        case: Case,
        upstream: Upstream,
        *,
        max_evals: int = MAX_EVALS,
        batch: BatchedForward | None = None,
        narrowest: np.dtype[np.floating] | None = None,
    ) -> None:
        self._case = case
        self._max_evals = max_evals
        self._batch = batch
        self._left_out = 0
        self._directional: dict[int, Directional] = {}
        self._elements: dict[Place, Difference] = {}
        with np.errstate(all="ignore"):
            self._points = Points(evaluate, [leaf.value for leaf in case.leaves], upstream.flat)
            found = measured(self._points, self._direction(0), narrowest)
            self._model, self._seconds_each = found.model, found.seconds_each

    @property
    def evaluations(self) -> int:
        """How many times the forward has run so far, in batches or by itself."""
        return self._points.evaluations

    @property
    def size(self) -> int:
        """How many elements the leaves have together."""
        return sum(leaf.value.size for leaf in self._case.leaves)

    @property
    def note(self) -> str:
        """Why elements were left out, or ""."""
        if not self._left_out:
            return ""
        return f"finite differences: {self._left_out:,} elements left out after {self.evaluations:,} evaluations"

    @property
    def result(self) -> FiniteDifferences:
        """Everything that was differenced so far."""
        return FiniteDifferences(
            tuple(self._directional[number] for number in sorted(self._directional)),
            dict(self._elements),
            len(self._elements) == self.size,
            self.evaluations,
            self.note,
        )

    def directional(self, count: int) -> tuple[Directional, ...]:
        """Derivatives along `count` random directions of all leaves together, the same ones at each call.

        A direction's entries are the element's own size (the leaf's typical one where it is zero) times 0.5 to 1.5,
        with random signs.
        """
        with np.errstate(all="ignore"):
            for number in range(count):
                if number not in self._directional:
                    direction = self._direction(number)
                    found = refine(along_direction(self._points, direction), 1, self._model, self._may_sample)
                    self._points.back()
                    shaped = tuple(
                        part.view(moved.dtype).reshape(moved.shape)
                        for part, moved in zip(direction, self._points.leaves)
                    )
                    difference = Difference(float(found.value[0]), float(found.error[0]))
                    self._directional[number] = Directional(shaped, difference)
        return tuple(self._directional[number] for number in range(count))

    def elements(self, wanted: Collection[Place], *, one_sided: bool = False) -> Mapping[Place, Difference]:
        """Derivatives by the wanted elements, always of the user's own forward; what a limit left out is missing.

        With `one_sided`, also the slopes on either side (of real leaves), for kinks.
        """
        places = [place for place in wanted if one_sided or place not in self._elements]
        with np.errstate(all="ignore"):
            self._sweep(places, None)
            if one_sided:
                self._look_farther(places)
                self._add_sides(places)
        return {place: self._elements[place] for place in wanted if place in self._elements}

    def closely(self, place: Place) -> tuple[Difference | None, float]:
        """The derivative by one element with its slopes, as `elements` has it; and the step that gave it.

        NaN for a step that is not known, and for a complex element, which has two.
        """
        leaf, (flat,) = place[0], _flat(self._points.leaves[place[0]].shape, [place]).tolist()
        step = float("nan")
        if not np.iscomplexobj(self._points.leaves[leaf]):
            with np.errstate(all="ignore"):
                at = np.array([flat], np.intp)
                step = float(self._difference(leaf, at, None).step[0] * self._points.scales(leaf, at)[0])
        return self.elements([place], one_sided=True).get(place), step

    def together(self, places: Sequence[Place]) -> Difference | None:
        """The derivative along the line on which these elements of real leaves move together, by equal steps.

        None where the limit on evaluations leaves no room.
        """
        if self._max_evals - self.evaluations < TOGETHER_EVALUATIONS:
            return None
        with np.errstate(all="ignore"):
            found = self._sides(places)
        return _with_sides(Difference((found.forward + found.backward) / 2, found.error), found)

    def nearby(self, place: Place) -> Difference | None:
        """The element's difference with `lower` and `upper` widened to the gradients at points around this one.

        Where several kinks meet, an output's slopes along one axis are not all that its gradients nearby have: the
        middle one of three equal entries of a sorted array moves to neither side. None where there is no room.
        """
        central = self._elements.get(place)
        leaf, index = place
        if central is None or central.lower is None or central.upper is None or central.forward is None:
            return None
        if self._max_evals - self.evaluations < EACH_NEARBY * NEARBY_POINTS:
            return None
        shape = self._points.leaves[leaf].shape
        at = int(np.ravel_multi_index(index, shape)) if shape else 0
        with np.errstate(all="ignore"):
            slopes = nearby_slopes(
                self._points, leaf, at, [self._direction(FIRST_NEARBY + k) for k in range(NEARBY_POINTS)]
            )
        weights = self._model.weights
        found = around(slopes, weights, central.one_sided_error or 0.0)
        widened = replace(
            central,
            lower=min(central.lower, found.lower),
            upper=max(central.upper, found.upper),
            several=found.several,
        )
        self._elements[place] = widened
        return widened

    def all_elements(self) -> Mapping[Place, Difference]:
        """Derivatives by every element; what a limit left out is missing."""
        places = [
            (position, tuple(index))
            for position, leaf in enumerate(self._case.leaves)
            for index in np.ndindex(leaf.value.shape)
            if (position, index) not in self._elements
        ]
        with np.errstate(all="ignore"):
            expected = EVALUATIONS_EACH * min(len(places), self._max_evals) * self._seconds_each
            worthwhile = expected > WORTH_BATCHING and self._seconds_each > SLOW_FORWARD
            batch = self._batch if worthwhile else None
            if batch is not None and not batch.agrees_with(self._points, self._model.noise, self._direction):
                batch = None
            self._sweep(places, batch)
        return dict(self._elements)

    def _direction(self, number: int) -> Direction:
        return random_direction(self._points, self._case.seed, self._case.draw, number)

    def _may_sample(self, rows: int) -> int:
        return max(0, min(rows, self._left // EVALUATIONS_EACH))

    @property
    def _left(self) -> int:
        """Evaluations that single elements may still take."""
        kept = self._max_evals // RESERVED_SHARE if self._max_evals >= RESERVES_FROM else 0
        return self._max_evals - kept - self.evaluations

    def _sweep(self, places: list[Place], batch: BatchedForward | None) -> None:
        """Difference `places`, leaf by leaf and in chunks of bounded memory."""
        for leaf, mine in _by_leaf(places):
            is_complex = np.iscomplexobj(self._points.leaves[leaf])
            flat = _flat(self._points.leaves[leaf].shape, mine)
            coordinates = np.stack([2 * flat, 2 * flat + 1], 1).reshape(-1) if is_complex else flat
            found = self._difference(leaf, coordinates, batch)
            done = np.isfinite(found.step)
            if is_complex:
                value = found.value[0::2] - 1j * found.value[1::2]
                error, done = np.hypot(found.error[0::2], found.error[1::2]), done[0::2] & done[1::2]
                values: list[complex] = value.tolist()
            else:
                values, error = found.value.tolist(), found.error
            for place, one, bar, was_done in zip(mine, values, error.tolist(), done.tolist()):
                if was_done:
                    self._elements[place] = Difference(one, bar)
            self._left_out += int(np.sum(~done))

    def _difference(self, leaf: int, coordinates: NDArray[np.intp], batch: BatchedForward | None) -> Refined:
        points, model = self._points, self._model
        if batch is not None:
            model = replace(model, base=batch.base(points.origins))
        chunk = max(1, min(CHUNK_VALUES // max(points.outputs, 1), 4096))
        parts = []
        for start in range(0, len(coordinates), chunk):
            some = coordinates[start : start + chunk]
            own = np.nan_to_num(np.abs(points.origins[leaf][some]) / points.scales(leaf, some), nan=1.0, posinf=1.0)
            sampler = (
                by_coordinate(points, leaf, some) if batch is None else by_coordinate_batched(points, leaf, some, batch)
            )
            part = refine(sampler, len(some), model, self._may_sample, probe_dependence(points, leaf, some), own)
            parts.append(part)
        return Refined(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("value", "error", "step"))
        )

    def _look_farther(self, places: list[Place]) -> None:
        """Elements in which the function stood still, once more at a far longer step: it may be a staircase there."""
        still = [place for place in places if place in self._elements and self._elements[place].value == 0]
        for leaf, mine in _by_leaf(still):
            if np.iscomplexobj(self._points.leaves[leaf]):
                continue
            mine = mine[: self._may_sample(len(mine))]
            flat = _flat(self._points.leaves[leaf].shape, mine)
            if not len(flat):
                continue
            sample = by_coordinate(self._points, leaf, flat)(np.arange(len(flat)), np.full(len(flat), FARTHER))
            found = estimate(sample, self._model)
            for place, value, bar in zip(mine, found.value.tolist(), found.error.tolist()):
                if abs(value) > CLEARLY * bar:
                    self._elements[place] = Difference(value, bar)

    def _add_sides(self, places: list[Place]) -> None:
        for place in places:
            if self._left < TOGETHER_EVALUATIONS and self._max_evals >= RESERVES_FROM:
                return
            if place not in self._elements or np.iscomplexobj(self._points.leaves[place[0]]):
                continue
            central = self._elements[place]
            self._elements[place] = _with_sides(central, self._sides([place]))

    def _sides(self, places: Sequence[Place]) -> Sides:
        """The slopes on the two sides along the line on which these elements move together, by equal steps."""
        points = self._points
        spots = []
        for leaf, index in places:
            shape = points.leaves[leaf].shape
            spots.append((leaf, int(np.ravel_multi_index(index, shape)) if shape else 0))
        origins = [float(points.origins[leaf][at]) for leaf, at in spots]
        scale = max(float(points.scales(leaf, np.array([at]))[0]) for leaf, at in spots)

        def values(offset: float) -> tuple[Floats, float]:
            row = np.empty(points.outputs)
            for (leaf, at), origin in zip(spots, origins):
                points.moved[leaf][at] = origin + offset
            points.here(row)
            for (leaf, at), origin in zip(spots, origins):
                points.moved[leaf][at] = origin
            return row, (origins[0] + offset) - origins[0]

        return sides(values, scale, self._model)


def _with_sides(central: Difference, found: Sides) -> Difference:
    return Difference(
        central.value,
        central.error,
        found.forward,
        found.backward,
        found.error,
        found.lower,
        found.upper,
        found.jump,
        found.kinked,
    )


def _flat(shape: tuple[int, ...], places: Sequence[Place]) -> NDArray[np.intp]:
    """The positions of places of one leaf in it, flattened."""
    return np.array([np.ravel_multi_index(index, shape) if shape else 0 for _, index in places], np.intp)


def _by_leaf(places: list[Place]) -> Iterator[tuple[int, list[Place]]]:
    by_leaf: dict[int, list[Place]] = {}
    for place in places:
        by_leaf.setdefault(place[0], []).append(place)
    yield from by_leaf.items()
