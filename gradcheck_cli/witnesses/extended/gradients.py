"""Outputs and gradients of a trace in extended precision, with what rounding and the inputs' last digits do to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.extended.arithmetic import EXTENDED, Arithmetic
from gradcheck_cli.witnesses.extended.interpreter import BeyondEvaluation, evaluate
from gradcheck_cli.witnesses.extended.magnitudes import magnitudes
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.reference.shared_steps import shared
from gradcheck_cli.witnesses.upstream import widened

Array = NDArray[Any]

NOISY_RUNS = 3
MOVES = 2
"""Pairs of runs at inputs that are moved by a rounding, each by random signs and by the opposite ones."""


@dataclass(frozen=True)
class Precise:
    """One list of arrays, in extended precision: the outputs of a trace, or the gradients of its leaves.

    Attributes:
        values: the arrays.
        rounding: how far they moved under the noise of extended precision itself: their own error.
        drift: how far they move when the inputs move by a rounding of the layer's dtype: the problem's condition.
    """

    values: tuple[Array, ...]
    rounding: tuple[Array, ...]
    drift: tuple[Array, ...]


class Programs:
    """The gradient programs of one layer's traces: cases of the same shapes mostly have the same one."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def of(self, trace: Trace) -> ExtendedGradient:
        """The program of a trace.

        Raises:
            BeyondEvaluation: where JAX cannot differentiate the trace.
        """
        closed = shared(trace.jaxpr)
        text = str(closed.jaxpr)
        if text not in self._known:
            self._known[text] = _gradient_jaxpr(closed)
        return ExtendedGradient(closed, self._known[text])


def _gradient_jaxpr(closed: Any) -> Any:
    """`(constants, leaves, cotangents) -> (outputs, gradients)`, closed."""
    import jax
    from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

    def program(constants: Any, leaves: Any, cotangents: Any) -> Any:
        function = jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, list(constants)))
        outputs, vjp = jax.vjp(function, *leaves)
        return outputs, vjp(cotangents)

    constants = tuple(np.asarray(constant) for constant in closed.consts)
    shapes = [
        [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]
        for avals in (closed.in_avals, closed.out_avals)
    ]
    try:
        return jax.make_jaxpr(program)(constants, *shapes)
    except Exception as error:  # JAX's own: a step without a derivative rule
        raise BeyondEvaluation(str(error)) from error


class ExtendedGradient:
    """Outputs and gradients of one trace, as a program that NumPy runs in any floating arithmetic."""

    def __init__(self, closed: Any, program: Any) -> None:
        self._program = program
        self._constants = tuple(np.asarray(constant) for constant in closed.consts)
        self._outputs = len(closed.out_avals)

    def run(
        self, leaves: Sequence[Any], cotangents: Sequence[Any], arithmetic: Arithmetic
    ) -> tuple[list[Array], list[Array]]:
        """(outputs, gradients).

        Raises:
            BeyondEvaluation: where a step cannot be done.
        """
        with np.errstate(all="ignore"):
            found = evaluate(
                self._program.jaxpr, self._program.consts, [*self._constants, *leaves, *cotangents], arithmetic
            )
        return found[: self._outputs], found[self._outputs :]

    def terms(self, leaves: Sequence[Any], cotangents: Sequence[Any]) -> tuple[Array, ...]:
        """The sizes of the gradients' terms.

        Raises:
            BeyondEvaluation: where a step cannot be done.
        """
        arguments = [*self._constants, *leaves, *cotangents]
        with np.errstate(all="ignore"):
            found = magnitudes(self._program.jaxpr, self._program.consts, arguments, Arithmetic(EXTENDED))
        return tuple(np.abs(size) for _, size in found[self._outputs :])


def at_a_glance(gradient: ExtendedGradient, case: Case, upstream: Upstream) -> tuple[Precise, Precise]:
    """The outputs and the gradients of a case, taken to be exact: an eighth of the work, and enough where all is well.

    Raises:
        BeyondEvaluation: where a step of the trace cannot be done.
    """
    leaves = [np.asarray(widened(leaf.value)) for leaf in case.leaves]
    found = gradient.run(leaves, upstream.flat, Arithmetic(EXTENDED))
    first, second = (
        Precise(tuple(values), *[tuple(np.zeros(np.shape(value)) for value in values)] * 2) for values in found
    )
    return first, second


def precisely(gradient: ExtendedGradient, case: Case, upstream: Upstream, epsilon: float) -> tuple[Precise, Precise]:
    """The outputs and the gradients of a case; `epsilon` is the rounding of the layer's own dtype.

    Raises:
        BeyondEvaluation: where a step of the trace cannot be done.
    """
    leaves = [np.asarray(widened(leaf.value)) for leaf in case.leaves]
    rng = np.random.default_rng((case.seed, case.draw))
    exact = Arithmetic(EXTENDED)
    base = gradient.run(leaves, upstream.flat, exact)
    noisy = [gradient.run(leaves, upstream.flat, Arithmetic(EXTENDED, rng)) for _ in range(NOISY_RUNS)]
    moved = []
    for _ in range(MOVES):
        signs = [rng.choice((-1, 1), leaf.shape) for leaf in leaves]
        for side in (1, -1):
            near = [exact.held(leaf, leaf.dtype) * (1 + side * epsilon * sign) for leaf, sign in zip(leaves, signs)]
            moved.append(gradient.run(near, upstream.flat, exact))
    return _together(base, noisy, moved, 0), _together(base, noisy, moved, 1)


def _together(base: Any, noisy: Sequence[Any], moved: Sequence[Any], which: int) -> Precise:
    values = tuple(base[which])
    return Precise(
        values,
        tuple(_spread(value, [run[which][at] for run in noisy]) for at, value in enumerate(values)),
        tuple(_spread(value, [run[which][at] for run in moved]) for at, value in enumerate(values)),
    )


def _spread(value: Array, others: Sequence[Array]) -> Array:
    """The largest distance from `value`, element by element; infinite where one of them is not finite and it is."""
    with np.errstate(all="ignore"):
        apart = np.max([np.abs(other - value) for other in others], axis=0)
    return np.asarray(np.where(np.isfinite(value) & ~np.isfinite(apart), np.inf, apart))


def sizes_of_terms(gradient: ExtendedGradient, case: Case, upstream: Upstream) -> tuple[Array, ...]:
    """For each gradient the sum of the sizes of the terms it is made of, see `magnitudes`.

    Raises:
        BeyondEvaluation: where a step of the trace cannot be done.
    """
    leaves = [np.asarray(widened(leaf.value)) for leaf in case.leaves]
    return gradient.terms(leaves, upstream.flat)


def in_dtype(
    gradient: ExtendedGradient, case: Case, upstream: Upstream, dtype: np.dtype[Any]
) -> tuple[list[Array], list[Array]]:
    """(outputs, gradients) of the same program, every step rounded to `dtype`: what the trace is worth there.

    Raises:
        BeyondEvaluation: where a step of the trace cannot be done.
    """
    leaves = [np.asarray(widened(leaf.value)) for leaf in case.leaves]
    return gradient.run(leaves, upstream.flat, Arithmetic(dtype, narrow=True))


def sizes_of_output_terms(trace: Trace, case: Case) -> tuple[Array, ...] | None:
    """For each output the sum of the sizes of the terms it is made of, see `magnitudes`; None where that is unknown."""
    leaves = [np.asarray(widened(leaf.value)) for leaf in case.leaves]
    jaxpr, constants = trace.jaxpr.jaxpr, trace.jaxpr.consts
    try:
        with np.errstate(all="ignore"):
            found = magnitudes(jaxpr, constants, leaves, Arithmetic(EXTENDED))
    except BeyondEvaluation:
        return None
    return tuple(np.asarray(size, np.float64) for _, size in found)


def sizes_of_gradient_terms(trace: Trace, case: Case, upstream: Upstream) -> tuple[Array, ...] | None:
    """The same by leaf for its gradient; None where that is unknown."""
    try:
        return tuple(np.asarray(size, np.float64) for size in sizes_of_terms(Programs().of(trace), case, upstream))
    except BeyondEvaluation:
        return None
