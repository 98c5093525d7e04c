"""Forward mode: tangents along one direction by autodiff of the trace, and each output's slope by differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.leaves import rebuild
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.differences.evaluate import Evaluate
from gradcheck_cli.witnesses.differences.noise import FINE_STEP, noise_of, offsets
from gradcheck_cli.witnesses.differences.points import Floats, Points, real_view
from gradcheck_cli.witnesses.differences.sampling import along_direction
from gradcheck_cli.witnesses.differences.step import Model, Sample, refine
from gradcheck_cli.witnesses.gradients import Difference
from gradcheck_cli.witnesses.reference.compiling import compile_program
from gradcheck_cli.witnesses.reference.shared_steps import shared
from gradcheck_cli.witnesses.upstream import widened

STREAM = 0x7A
"""Sets this stage's random numbers apart from those of other stages under the same seed."""

SIGNS = 16
"""Random sign patterns of the direction that an output's scale is estimated from."""

Direction = tuple[NDArray[Any], ...]
"""One array for each leaf, in its shape and dtype."""


def draw_direction(case: Case, number: int = 0) -> Direction:
    """A tangent for each leaf: the element's size (or what is typical) times 0.5 to 1.5, signs at random, rounded."""
    rng = np.random.default_rng((case.seed, case.draw, STREAM, number))
    parts = []
    for leaf in case.leaves:
        value = widened(leaf.value)
        sizes = np.abs(value)
        typical = float(np.median(sizes[sizes > 0])) if np.any(sizes > 0) else 1.0
        part: NDArray[Any] = np.where(sizes > 0, sizes, typical) * _factors(rng, value.shape)
        if value.dtype.kind == "c":
            part = part + 1j * np.where(sizes > 0, sizes, typical) * _factors(rng, value.shape)
        parts.append(_few_digits(part).astype(leaf.value.dtype))
    return tuple(parts)


def _factors(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    factors: NDArray[np.float64] = (rng.random(shape) + 0.5) * rng.choice((-1.0, 1.0), shape)
    return factors


def _few_digits(values: NDArray[Any]) -> NDArray[Any]:
    if np.iscomplexobj(values):
        both: NDArray[np.complex128] = _few_digits(values.real) + 1j * _few_digits(values.imag)
        return both
    with np.errstate(all="ignore"):
        unit = 10.0 ** (np.floor(np.log10(np.abs(values))) - 2)
        rounded = np.round(values / unit) * unit
    return np.where(np.isfinite(rounded), rounded, values)


def as_arguments(case: Case, direction: Direction) -> dict[str, Any]:
    """The direction in the structure of the case's arguments; zeros where an argument is not differentiated."""
    places = {(leaf.argument, leaf.path): part for leaf, part in zip(case.leaves, direction)}

    def put(argument: str) -> Callable[[tuple[Any, ...], Any], Any]:
        return lambda path, old: places.get((argument, path), np.zeros(np.shape(old)))

    return {name: rebuild(case.arguments[name], put(name)) for name in case.differentiable}


@dataclass(frozen=True)
class Pushed:
    """Tangents of the floating output leaves, and the root mean square of each under random signs of the direction."""

    tangents: tuple[NDArray[Any], ...]
    scale: tuple[NDArray[np.float64], ...]


class TangentProgram:
    """J u of a trace, in float64, as one compiled program."""

    def __init__(self, trace: Trace, device: str = "cpu") -> None:
        self._closed = shared(trace.jaxpr)
        self._constants = tuple(np.asarray(constant) for constant in self._closed.consts)
        self._device = device
        self._program: Any = None

    def push(self, leaves: Sequence[Any], direction: Direction, seed: int) -> Pushed:
        """The tangents along `direction`, and their scale."""
        rng = np.random.default_rng(seed)
        stack = []
        for part in map(widened, direction):
            signs = rng.choice((-1.0, 1.0), (SIGNS + 1, *part.shape))
            signs[0] = 1
            stack.append(signs * part)
        arguments = (self._constants, tuple(widened(leaf) for leaf in leaves), tuple(stack))
        if self._program is None:
            self._program = compile_program(self._rows, arguments, self._device)
        rows = [widened(row) for row in self._program(*arguments)]
        scale = tuple(np.sqrt(np.mean(np.abs(row[1:]) ** 2, axis=0)) for row in rows)
        return Pushed(tuple(row[0] for row in rows), scale)

    def _rows(self, constants: Any, leaves: Any, stack: Any) -> Any:
        import jax
        from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

        function = jaxpr_as_fun(ClosedJaxpr(self._closed.jaxpr, list(constants)))
        return jax.vmap(lambda *tangents: jax.jvp(function, leaves, tangents)[1])(*stack)


class Slopes:
    """The slope of each output along one direction, by differences of the user's own forward.

    The function is run once for each step that is tried, whatever the number of outputs that are asked for.

    Raises:
        UserError, or what the forward raises: where it does not run on the case's leaves in float64.
    """

    def __init__(
        self, evaluate: Evaluate, case: Case, direction: Direction, outputs: Sequence[NDArray[Any]], *, most: int
    ) -> None:
        self._most = most
        with np.errstate(all="ignore"):
            cotangents = [np.ones(np.shape(output), widened(output).dtype) for output in outputs]
            self._points = points = Points(evaluate, [leaf.value for leaf in case.leaves], cotangents)
            self._parts = tuple(real_view(np.ascontiguousarray(widened(part))) for part in direction)
            rows = np.empty((len(NOISE_OFFSETS), points.outputs))
            for row, offset in zip(rows, NOISE_OFFSETS):
                points.along(self._parts, offset * FINE_STEP, row)
            points.back()
            self._noise = noise_of(rows)
        self._samples: dict[float, Sample] = {}

    def of(self, coordinate: int) -> Difference:
        """The slope of one real coordinate of the flattened outputs (complex ones are pairs)."""
        one = slice(coordinate, coordinate + 1)
        model = Model(self._points.base[one], np.ones(1), self._noise[one], 1.0)

        def sample(rows: NDArray[np.intp], steps: Floats) -> Sample:
            step = float(steps[0])
            if step not in self._samples:
                self._samples[step] = along_direction(self._points, self._parts)(rows, steps)
                self._points.back()
            whole = self._samples[step]
            plus, minus, plus_half, minus_half = (
                part[:, one] for part in (whole.plus, whole.minus, whole.plus_half, whole.minus_half)
            )
            return Sample(plus, minus, plus_half, minus_half, whole.width, whole.width_half)

        with np.errstate(all="ignore"):
            found = refine(sample, 1, model, lambda rows: rows if self._points.evaluations < self._most else 0)
        return Difference(float(found.value[0]), float(found.error[0]))


NOISE_OFFSETS = offsets(11)
"""Where the function is sampled to see its noise, see `noise.offsets`."""
