"""The derivative of a backward: gradients of φ(x, g) = Re Σ u · backward(g, x) by x and by g."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.composed import Values
from gradcheck_cli.witnesses.gradients import Autodiff
from gradcheck_cli.witnesses.reference.compiling import compile_program
from gradcheck_cli.witnesses.reference.shared_steps import shared
from gradcheck_cli.witnesses.upstream import widened

Backward = Callable[[Sequence[Any], Sequence[Any]], Values]
"""`(leaves, cotangents) -> gradients`."""

SIGNS = 16
"""Random sign patterns of u and g that an element's scale is estimated from."""


class SecondOrder:
    """A backward and its own derivative, for JAX values of any dtype; compiled where it can be, else step by step."""

    def __init__(self, backward: Backward, device: str = "cpu") -> None:
        self._backward = backward
        self._device = device
        self._programs: dict[Any, Any] = {}

    def gradients(self, leaves: Sequence[Any], cotangents: Sequence[Any], weights: Sequence[Any]) -> Values:
        """The gradients of φ: one for each leaf, then one for each cotangent.

        Raises whatever the backward raises, and what JAX raises where it cannot differentiate it.
        """
        return self._run(self._gradients, tuple(leaves), tuple(cotangents), tuple(weights))

    def first(self, leaves: Sequence[Any], cotangents: Sequence[Any]) -> Values:
        """The backward itself."""
        return self._run(self._first, tuple(leaves), tuple(cotangents))

    def _first(self, leaves: Any, cotangents: Any) -> Values:
        return tuple(self._backward(leaves, cotangents))

    def _gradients(self, leaves: Any, cotangents: Any, weights: Any) -> Values:
        import jax

        by_leaves, by_cotangents = jax.grad(self._cost, argnums=(0, 1))(leaves, cotangents, weights)
        return (*by_leaves, *by_cotangents)

    def _cost(self, leaves: Any, cotangents: Any, weights: Any) -> Any:
        return cost(self._backward(leaves, cotangents), weights)

    def _run(self, function: Callable[..., Values], *arguments: Any) -> Values:
        key = (function.__name__, *(str(np.asarray(value).dtype) for part in arguments for value in part))
        if key not in self._programs:
            try:
                self._programs[key] = compile_program(function, arguments, self._device)
            except Exception:  # it needs values; if it cannot be run at all, the next line says why
                found = function(*arguments)
                self._programs[key] = None
                return found
        program = self._programs[key]
        return tuple((function if program is None else program)(*arguments))


def cost(gradients: Sequence[Any], weights: Sequence[Any]) -> Any:
    """Re Σ u · gradient."""
    import jax.numpy as jnp

    return sum((jnp.real(jnp.sum(weight * gradient)) for weight, gradient in zip(weights, gradients)), jnp.zeros(()))


class SecondOrderReference:
    """The same of `jax.vjp` of a trace, in float64, with each element's scale; one compiled program."""

    def __init__(self, trace: Trace, device: str = "cpu") -> None:
        self._closed = shared(trace.jaxpr)
        self._constants = tuple(np.asarray(constant) for constant in self._closed.consts)
        self._device = device
        self._program: Any = None

    def gradients_and_scale(
        self, leaves: Sequence[Any], cotangents: Sequence[Any], weights: Sequence[Any], seed: int
    ) -> Autodiff:
        """By leaf, then by cotangent; `outputs` are the gradients of first order.

        The scale is the root mean square of an element's derivative under random signs of u and g.

        Raises whatever JAX raises where it cannot differentiate the trace twice.
        """
        rng = np.random.default_rng(seed)
        stacks = [[_signed(rng, value) for value in map(widened, part)] for part in (cotangents, weights)]
        wide = tuple(widened(leaf) for leaf in leaves)
        arguments = (self._constants, wide, tuple(stacks[0]), tuple(stacks[1]))
        if self._program is None:
            self._program = compile_program(self._rows, arguments, self._device)
        first, rows = self._program(*arguments)
        rows = [widened(row) for row in rows]
        scale = tuple(np.sqrt(np.mean(np.abs(row[1:]) ** 2, axis=0)) for row in rows)
        return Autodiff(tuple(row[0] for row in rows), scale, tuple(widened(output[0]) for output in first))

    def _rows(self, constants: Any, leaves: Any, cotangents: Any, weights: Any) -> Any:
        import jax
        from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

        function = jaxpr_as_fun(ClosedJaxpr(self._closed.jaxpr, list(constants)))

        def backward(points: Any, upstream: Any) -> Any:
            return jax.vjp(function, *points)[1](list(upstream))

        def one(upstream: Any, weight: Any) -> Any:
            by_leaves, by_cotangents = jax.grad(lambda x, g: cost(backward(x, g), weight), argnums=(0, 1))(
                leaves, upstream
            )
            return backward(leaves, upstream), (*by_leaves, *by_cotangents)

        return jax.vmap(one)(cotangents, weights)


def _signed(rng: np.random.Generator, value: NDArray[Any]) -> NDArray[Any]:
    """(1 + SIGNS, ...): the value, and the same under random signs."""
    signs = rng.choice((-1.0, 1.0), (SIGNS + 1, *value.shape))
    signs[0] = 1
    return np.asarray(signs * value)
