"""Tangents by the user's rule against autodiff in forward mode, element by element; differences where those part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.elements import compare
from gradcheck_cli.judge.evidence.table import EXCLUDED, MATERIAL
from gradcheck_cli.judge.noise.tolerance import (
    FLOOR_SHARE,
    REPLAYS,
    SMALLEST_INPUT,
    Tolerance,
    given,
    jitter,
    largest_epsilon,
    measure,
    noise_of,
    replay_distances,
    unmeasured_rounding,
)
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.words import index_text, number, pair, plural
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.leaves import is_floating, walk
from gradcheck_cli.layers.precision import underflow
from gradcheck_cli.report.model import Finding
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.conduct.replay import with_leaves
from gradcheck_cli.witnesses.derivatives.forward_mode import Direction, Slopes, TangentProgram
from gradcheck_cli.witnesses.differences.evaluate import evaluator
from gradcheck_cli.witnesses.gradients import Difference
from gradcheck_cli.witnesses.subject import Subject
from gradcheck_cli.witnesses.upstream import widened

Tangents = tuple[NDArray[Any], ...]
"""One array for each floating output leaf, in float64 or complex128."""

LOOKED_AT = 8
"""Elements that differ from autodiff and are looked at by finite differences."""

ALONE = 64
"""Elements that finite differences look at where autodiff is missing."""


@dataclass(frozen=True)
class Known:
    """What came of it; `scale` is () where autodiff is missing."""

    finding: Finding | None = None
    notes: tuple[str, ...] = ()
    scale: tuple[NDArray[np.float64], ...] = ()


def floating_parts(outputs: tuple[Any, ...]) -> Tangents:
    """The floating leaves, widened."""
    return tuple(widened(leaf) for output in outputs for _, leaf in walk(output) if is_floating(leaf))


Push = Callable[[Case], Tangents]
"""J u by the user's rule, at a case's leaves."""


def against_reference(subject: Subject, settings: Settings, direction: Direction, yours: Tangents, push: Push) -> Known:
    """Judge J u by the user's rule.

    Raises:
        UserError: where the forward does not run on the case's leaves in float64.
    """
    if isinstance(subject.traced, Trace):
        program = TangentProgram(subject.traced, subject.device)
        try:
            program.push([leaf.value for leaf in subject.case.leaves], direction, 0)
        except Exception:  # JAX's own: a step of the trace has no forward mode (a `custom_vjp`), or none in a batch
            return _by_differences(subject, settings, direction, yours)
        dtypes = (*(leaf.value.dtype for leaf in subject.case.leaves), subject.traced.narrowest)
        return _ByAutodiff(subject, settings, direction, yours, push, program, dtypes).known()
    return _by_differences(subject, settings, direction, yours)


@dataclass(frozen=True)
class _ByAutodiff:
    subject: Subject
    settings: Settings
    direction: Direction
    yours: Tangents
    push: Push
    program: TangentProgram
    dtypes: tuple[np.dtype[Any], ...]

    def known(self) -> Known:
        """The first output whose tangent is wrong; finite differences are asked about its worst elements."""
        leaves = [widened(leaf.value) for leaf in self.subject.case.leaves]
        seed = self.subject.case.seed + self.subject.case.draw
        pushed = self.program.push(leaves, self.direction, seed)
        moved = [self._moved(leaves, seed + number) for number in range(2)]
        near = [] if given(self.settings) else self._errors(replay_distances(self.dtypes)[:1], seed)
        notes: tuple[str, ...] = ()
        for position, (own, reference, scale) in enumerate(zip(self.yours, pushed.tangents, pushed.scale)):
            noise = noise_of(own - reference, near[0][position], reference, scale) if near else 0.0
            natural = self._natural_size(position)
            around = [tangents[position] for tangents in moved]
            measured = measure(scale, self.dtypes, natural, around, reference, noise)
            measured = replace(measured, floor=measured.floor + underflow(self.dtypes))
            tolerance = given(self.settings) or measured
            comparison = compare(own, reference, tolerance)
            if comparison.wrong.size and not given(self.settings):
                errors = [error[position] for error in self._errors(replay_distances(self.dtypes)[:REPLAYS], seed)]
                tolerance = jitter([own - reference, *errors], reference, tolerance, self.dtypes, natural)
                comparison = compare(own, reference, tolerance)
            if not comparison.wrong.size:
                continue
            differences = _slopes(self.subject, self.settings, self.direction)
            judged = [
                _Element.of(own, reference, tolerance, int(at), _difference(differences, self.yours, position, int(at)))
                for at in comparison.worst_first(LOOKED_AT)
            ]
            wrong = [element for element in judged if element.is_wrong]
            if wrong:
                count = int(comparison.wrong.size) - (len(judged) - len(wrong))
                index = comparison.index(wrong[0].position)
                finding = _finding(self.subject, self.yours, position, wrong[0], index, count)
                return Known(finding, scale=pushed.scale)
            at = judged[0]
            where = index_text(comparison.index(at.position)) or "its one element"
            notes = (
                *notes,
                f"in forward mode autodiff is the odd one out for {_named(self.yours, position)} (at {where}: "
                f"{number(at.autodiff)}, yours {number(at.yours)}): a kink, a custom rule or `stop_gradient` inside "
                "the forward",
            )
        return Known(notes=notes, scale=pushed.scale)

    def _moved(self, leaves: Sequence[NDArray[Any]], seed: int) -> Tangents:
        """The reference at leaves that are off by a rounding."""
        rng = np.random.default_rng(seed)
        size = largest_epsilon(self.dtypes)
        moved = [leaf * (1 + size * rng.choice((-1.0, 1.0), leaf.shape)) for leaf in leaves]
        return self.program.push(moved, self.direction, seed).tangents

    def _errors(self, distances: Sequence[float], seed: int) -> list[Tangents]:
        """Yours − reference at leaves that are off by these distances; see `noise.replay_distances`."""
        case = self.subject.case
        found: list[Tangents] = []
        for number_, distance in enumerate(distances):
            rng = np.random.default_rng((seed, number_))
            values = tuple(
                (widened(leaf.value) * (1 + distance * rng.choice((-1.0, 1.0), leaf.value.shape))).astype(
                    leaf.value.dtype
                )
                for leaf in case.leaves
            )
            try:
                own = self.push(with_leaves(case, values))
            except UserError:
                return found
            reference = self.program.push(values, self.direction, seed).tangents
            found.append(tuple(one - other for one, other in zip(own, reference)))
        return found

    def _natural_size(self, position: int) -> float:
        """The largest output times the largest relative length of the direction: see `noise.natural_size`."""
        output = floating_parts(self.subject.result.outputs)[position]
        largest = float(np.max(np.abs(output), initial=0.0, where=np.isfinite(output)))
        lengths = [
            float(np.max(np.abs(part), initial=0.0))
            / max(float(np.sqrt(np.mean(np.abs(widened(leaf.value)) ** 2))), SMALLEST_INPUT)
            for part, leaf in zip(map(widened, self.direction), self.subject.case.leaves)
            if part.size
        ]
        return largest * max(lengths, default=0.0)


def _by_differences(subject: Subject, settings: Settings, direction: Direction, yours: Tangents) -> Known:
    differences = _slopes(subject, settings, direction)
    if differences is None:
        return Known()
    dtypes = [leaf.value.dtype for leaf in subject.case.leaves]
    relative = unmeasured_rounding(dtypes)
    for position, own in enumerate(yours):
        size = np.abs(own)
        floor = FLOOR_SHARE * relative * float(np.mean(size)) if size.size else 0.0
        tolerance = given(settings) or Tolerance(relative, floor + underflow(dtypes))
        for at in np.unique(np.linspace(0, own.size - 1, min(own.size, ALONE)).astype(int)):
            difference = _difference(differences, yours, position, int(at))
            if difference is None or not np.isfinite(difference.error):
                continue
            value = own.reshape(-1)[at].item()
            allowed = float(tolerance.at(np.abs(np.array([difference.value])), slice(None))[0])
            if abs(value - difference.value) > allowed + EXCLUDED * difference.error:
                index = tuple(int(axis) for axis in np.unravel_index(at, own.shape))
                element = _Element(int(at), value, None, difference, allowed)
                return Known(_finding(subject, yours, position, element, index, None))
    return Known()


@dataclass(frozen=True)
class _Element:
    position: int
    yours: float | complex
    autodiff: float | complex | None
    difference: Difference | None
    allowed: float

    @classmethod
    def of(
        cls, yours: NDArray[Any], autodiff: NDArray[Any], tolerance: Tolerance, at: int, difference: Difference | None
    ) -> _Element:
        """One element with everything known about it."""
        reference = autodiff.reshape(-1)[at].item()
        allowed = float(tolerance.at(np.abs(np.array([reference])), np.array([at]))[0])
        return cls(at, yours.reshape(-1)[at].item(), reference, difference, allowed)

    @property
    def is_wrong(self) -> bool:
        """Whether finite differences do not object to autodiff."""
        difference = self.difference
        if self.autodiff is None or difference is None or not np.isfinite(difference.error):
            return True
        slack = self.allowed + difference.error + MATERIAL * max(abs(self.autodiff), abs(difference.value))
        return bool(abs(self.autodiff - difference.value) <= slack)


def _finding(
    subject: Subject, yours: Tangents, position: int, worst: _Element, index: tuple[int, ...], count: int | None
) -> Finding:
    layer, difference = subject.case.layer, worst.difference
    if worst.autodiff is not None:
        mine, theirs = pair(worst.yours, worst.autodiff)
        against = f"autodiff {theirs}"
    else:
        assert difference is not None
        mine, theirs = pair(worst.yours, difference.value)
        against = f"finite differences {theirs} ± {number(difference.error, 1)}"
    total = plural(yours[position].size, "element")
    many = f"in {count:,} of {total}" if count is not None else f"in the {total} or some of them"
    at = f"worst at {index_text(index)}: " if index else ""
    return Finding(
        "GC201",
        f"in forward mode {_named(yours, position)} is wrong {many}; {at}yours {mine}, {against}",
        str(layer.path),
        layer.line,
        index=index,
        yours=worst.yours,
        autodiff=worst.autodiff,
        finite_difference=None if difference is None else difference.value,
        error_bar=None if difference is None else difference.error,
    )


def _named(yours: Tangents, position: int) -> str:
    return "the output's tangent" if len(yours) == 1 else f"the tangent of output {position + 1}"


def _slopes(subject: Subject, settings: Settings, direction: Direction) -> Slopes | None:
    evaluate = evaluator(subject.bound, subject.case, device=subject.device)
    try:
        flat = subject.upstream.flat
        return Slopes(evaluate, subject.case, direction, flat, most=settings.max_evals)
    except UserError:
        return None


def _difference(differences: Slopes | None, yours: Tangents, position: int, at: int) -> Difference | None:
    """The slope of one element, of a complex one both parts."""
    if differences is None:
        return None
    start = sum(part.size * (2 if np.iscomplexobj(part) else 1) for part in yours[:position])
    if not np.iscomplexobj(yours[position]):
        return differences.of(start + at)
    real, imaginary = differences.of(start + 2 * at), differences.of(start + 2 * at + 1)
    return Difference(real.value + 1j * imaginary.value, float(np.hypot(real.error, imaginary.error)))
