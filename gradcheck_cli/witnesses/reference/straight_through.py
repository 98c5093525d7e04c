"""Autodiff with rounding and other steps taken for the identity: what a straight-through gradient should be.

Bengio, Leonard and Courville, "Estimating or propagating gradients through stochastic neurons" (2013): forward the
step, backward the identity. Two habits are both in use where a value is also clipped: the gradient stops at what is
clipped, or passes through that too. A `stop_gradient` may be meant to stop, or stand for a step; where it spells the
estimator itself, as in `x + stop_gradient(y - x)`, it stops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.reference.compiling import compile_program
from gradcheck_cli.witnesses.reference.meant_stops import meant_stops
from gradcheck_cli.witnesses.reference.rewritten import Value, evaluate, has_any
from gradcheck_cli.witnesses.reference.shared_steps import shared
from gradcheck_cli.witnesses.upstream import widened

_STEPS = ("round", "floor", "ceil", "sign")
_COMPARISONS = ("gt", "ge", "lt", "le")

VARIANTS = ((1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.0, 1.0))
"""Whether a `stop_gradient` is passed that does not spell the estimator, and whether a clip is: what counts as
straight-through."""

StraightThrough = Callable[..., tuple[tuple[NDArray[Any], ...], ...]]
"""`(distance=0.0, seed=0) ->` the gradients of each variant, leaves inside, at leaves that are off by factors of
1 ± distance at random; () where the trace has no step to pass through."""


def straight_through(trace: Trace, case: Case, upstream: Upstream, *, device: str = "cpu") -> StraightThrough:
    """Autodiff of the trace with its steps as identities."""

    def variants(distance: float = 0.0, seed: int = 0) -> tuple[tuple[NDArray[Any], ...], ...]:
        names = (*_STEPS, *_COMPARISONS, "stop_gradient", "convert_element_type")
        if not has_any(trace.jaxpr, names):
            return ()
        closed = shared(trace.jaxpr)
        rng = np.random.default_rng((seed, case.seed))
        leaves = tuple(
            np.asarray(widened(leaf.value) * (1 + distance * rng.choice((-1.0, 1.0), leaf.value.shape)))
            for leaf in case.leaves
        )
        cotangents = [np.asarray(g, aval.dtype) for g, aval in zip(upstream.flat, closed.out_avals)]
        constants = tuple(np.asarray(constant) for constant in closed.consts)
        program = compile_program(_function(closed), (constants, leaves, cotangents, np.array(VARIANTS[0])), device)
        found = [program(constants, leaves, cotangents, np.array(variant)) for variant in VARIANTS]
        return tuple(tuple(widened(gradient) for gradient in gradients) for gradients in found)

    return variants


def _function(closed: Any) -> Callable[..., Any]:
    import jax

    meant = meant_stops(closed.jaxpr)

    def gradients(constants: Any, leaves: Any, cotangents: Any, variant: Any) -> Any:
        rules = _rules(variant[0], variant[1], meant)
        _, vjp = jax.vjp(lambda *inputs: evaluate(closed, constants, inputs, rules), *leaves)
        return vjp(list(cotangents))

    return gradients


def _rules(past_stops: Any, past_clips: Any, meant: frozenset[int]) -> dict[str, Any]:
    import jax
    import jax.numpy as jnp

    def through(value: Any, source: Any, share: Any = 1.0) -> Value:
        """The value, with the source's derivative."""
        kept = jax.lax.stop_gradient(value)
        return Value(kept + (share * (source - jax.lax.stop_gradient(source))).astype(kept.dtype), varying=True)

    def step(equation: Any, given: Sequence[Value]) -> list[Value]:
        value = given[0].array
        name = equation.primitive.name
        if name == "round":
            half_even = int(equation.params.get("rounding_method", 0)) == 1
            found = jnp.round(value) if half_even else jnp.trunc(value + jnp.copysign(0.5, value))
        else:
            found = getattr(jnp, name)(value)
        return [through(found, value)]

    def stop(equation: Any, given: Sequence[Value]) -> list[Value]:
        return [through(given[0].array, given[0].array, 0.0 if id(equation) in meant else past_stops)]

    def clip(equation: Any, given: Sequence[Value]) -> list[Value] | None:
        operand = given[1] if equation.primitive.name == "clamp" else given[0]
        low, high = (given[0], given[2]) if equation.primitive.name == "clamp" else (given[1], given[2])
        if not operand.varying or low.varying or high.varying:
            return None
        value = operand.array
        clipped = jnp.clip(value, low.array, high.array).astype(value.dtype)
        past = value - clipped
        return [Value(clipped + past_clips * (past - jax.lax.stop_gradient(past)), varying=True)]

    def compare(equation: Any, given: Sequence[Value]) -> list[Value] | None:
        first, second = (jnp.asarray(value.array) for value in given)
        if not jnp.issubdtype(first.dtype, jnp.floating):
            return None
        found = {"gt": first > second, "ge": first >= second, "lt": first < second, "le": first <= second}
        name = equation.primitive.name
        apart = first - second if name in ("gt", "ge") else second - first
        return [Value(found[name], varying=True, shadow=apart)]

    def convert(equation: Any, given: Sequence[Value]) -> list[Value] | None:
        value, dtype = given[0], equation.params["new_dtype"]
        from_floating = jnp.issubdtype(jnp.asarray(value.array).dtype, jnp.floating)
        to_floating = jnp.issubdtype(dtype, jnp.floating)
        found = jnp.asarray(value.array).astype(dtype)
        if from_floating and not to_floating:
            return [Value(found, varying=True, shadow=value.array)]
        if value.shadow is None:
            return None
        return [through(found, value.shadow) if to_floating else Value(found, varying=True, shadow=value.shadow)]

    def select(_: Any, given: Sequence[Value]) -> list[Value] | None:
        if given[0].shadow is None or len(given) != 3 or given[1].varying or given[2].varying:
            return None
        found = jnp.where(given[0].array, given[2].array, given[1].array)
        return [through(found, given[0].shadow)] if jnp.issubdtype(found.dtype, jnp.floating) else None

    def where(_: Any, given: Sequence[Value]) -> list[Value] | None:
        if given[0].shadow is None or len(given) != 3 or given[1].varying or given[2].varying:
            return None
        found = jnp.where(given[0].array, given[1].array, given[2].array)
        return [through(found, given[0].shadow)] if jnp.issubdtype(found.dtype, jnp.floating) else None

    return {
        **dict.fromkeys(_STEPS, step),
        **dict.fromkeys(_COMPARISONS, compare),
        "stop_gradient": stop,
        "clamp": clip,
        "jit:clip": clip,
        "convert_element_type": convert,
        "select_n": select,
        "jit:_where": where,
    }
