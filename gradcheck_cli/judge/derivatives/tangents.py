"""Tangents by the user's rule against autodiff in forward mode, element by element; differences where those part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.elements import compare
from gradcheck_cli.judge.noise import FLOOR_SHARE, Tolerance, largest_epsilon, measure, relative_rounding
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.table import EXCLUDED, MATERIAL
from gradcheck_cli.judge.words import index_text, number, pair, plural
from gradcheck_cli.layers.leaves import is_floating, walk
from gradcheck_cli.report.model import Finding
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.evaluate import evaluator
from gradcheck_cli.witnesses.forward_mode import Direction, Slopes, TangentProgram
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


def against_reference(subject: Subject, settings: Settings, direction: Direction, yours: Tangents) -> Known:
    """Judge J u by the user's rule.

    Raises:
        UserError: where the forward does not run on the case's leaves in float64.
    """
    if isinstance(subject.traced, Trace):
        try:
            return _by_autodiff(subject, subject.traced, settings, direction, yours)
        except Exception:  # JAX's own: a step of the trace has no forward mode (a `custom_vjp`), or none in a batch
            return _by_differences(subject, settings, direction, yours)
    return _by_differences(subject, settings, direction, yours)


def _by_autodiff(subject: Subject, trace: Trace, settings: Settings, direction: Direction, yours: Tangents) -> Known:
    case = subject.case
    program = TangentProgram(trace, subject.device)
    leaves = [widened(leaf.value) for leaf in case.leaves]
    seed = case.seed + case.draw
    pushed = program.push(leaves, direction, seed)
    dtypes = [*(leaf.value.dtype for leaf in case.leaves), trace.narrowest]
    moved = [_moved(program, leaves, direction, dtypes, seed + number) for number in range(2)]
    differences: Slopes | None = None
    for position, (own, reference, scale) in enumerate(zip(yours, pushed.tangents, pushed.scale)):
        natural = _natural_size(subject, position, direction)
        tolerance = _given(settings) or measure(
            scale, dtypes, natural, [gradients[position] for gradients in moved], reference
        )
        comparison = compare(own, reference, tolerance)
        if not comparison.wrong.size:
            continue
        if differences is None:
            differences = _slopes(subject, settings, direction)
        judged = [
            _Element.of(own, reference, tolerance, int(at), _difference(differences, yours, position, int(at)))
            for at in comparison.worst_first(LOOKED_AT)
        ]
        wrong = [element for element in judged if element.is_wrong]
        if not wrong:
            at = judged[0]
            return Known(
                notes=(
                    f"in forward mode autodiff is the odd one out for {_named(yours, position)} (at "
                    f"{index_text(comparison.index(at.position)) or 'its one element'}: {number(at.autodiff)}, yours "
                    f"{number(at.yours)}): a kink, a custom rule or `stop_gradient` inside the forward",
                ),
                scale=pushed.scale,
            )
        count = comparison.wrong.size - (len(judged) - len(wrong))
        finding = _finding(subject, yours, position, wrong[0], comparison.index(wrong[0].position), count)
        return Known(finding, scale=pushed.scale)
    return Known(scale=pushed.scale)


def _by_differences(subject: Subject, settings: Settings, direction: Direction, yours: Tangents) -> Known:
    differences = _slopes(subject, settings, direction)
    if differences is None:
        return Known()
    relative = relative_rounding([leaf.value.dtype for leaf in subject.case.leaves])
    for position, own in enumerate(yours):
        size = np.abs(own)
        floor = FLOOR_SHARE * relative * float(np.mean(size)) if size.size else 0.0
        tolerance = _given(settings) or Tolerance(relative, floor)
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


def _given(settings: Settings) -> Tolerance | None:
    if settings.atol is None and settings.rtol is None:
        return None
    return Tolerance(settings.rtol or 0.0, settings.atol or 0.0, measured=False)


def _moved(
    program: TangentProgram, leaves: Sequence[NDArray[Any]], direction: Direction, dtypes: Sequence[Any], seed: int
) -> Tangents:
    """The tangents at leaves that are off by a rounding."""
    rng = np.random.default_rng(seed)
    size = largest_epsilon(dtypes)
    moved = [leaf * (1 + size * rng.choice((-1.0, 1.0), leaf.shape)) for leaf in leaves]
    return program.push(moved, direction, seed).tangents


def _natural_size(subject: Subject, position: int, direction: Direction) -> float:
    """The largest output times the largest relative length of the direction: see `noise.natural_size`."""
    output = floating_parts(subject.result.outputs)[position]
    largest = float(np.max(np.abs(output), initial=0.0, where=np.isfinite(output)))
    lengths = [
        float(np.max(np.abs(part), initial=0.0)) / max(float(np.sqrt(np.mean(np.abs(widened(leaf.value)) ** 2))), 0.05)
        for part, leaf in zip(map(widened, direction), subject.case.leaves)
        if part.size
    ]
    return largest * max(lengths, default=0.0)


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
