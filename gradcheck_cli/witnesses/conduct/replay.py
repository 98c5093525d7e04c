"""Yours and the reference at inputs that are off by roundings: tells rounding inside a backward from a mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer
from gradcheck_cli.layers.leaves import is_floating, rebuild
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.analytic import run_backward, run_forward
from gradcheck_cli.witnesses.composed import ComposedBackward
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.reference.autodiff import gradient_program
from gradcheck_cli.witnesses.reference.compiling import compile_program
from gradcheck_cli.witnesses.upstream import like, widened


def replay(
    bound: BoundLayer, trace: Trace, case: Case, upstream: Upstream, *, device: str = "cpu"
) -> Callable[[float, int], tuple[BackwardResult, tuple[NDArray[Any], ...]]]:
    """`(relative size, seed) -> (yours, autodiff)`, both at the same leaves, off by random factors up to 1 ± that size.

    The upstream gradient is off likewise, unless it is that of a loss, which must be one: sums of it alone would have
    the same rounding each time. All is rounded to the layer's own dtypes before either sees it.
    """
    program = gradient_program(trace, device=device)
    own = _Own(bound, case, upstream, device)
    near_upstream = (lambda *_: upstream) if case.layer.unit_upstream else moved_upstream

    def at_moved_leaves(size: float, seed: int) -> tuple[BackwardResult, tuple[NDArray[Any], ...]]:
        rng = np.random.default_rng(seed)
        moved = []
        for leaf in case.leaves:
            moved.append(moved_randomly(leaf.value, size, rng))
        near, above = with_leaves(case, tuple(moved)), near_upstream(upstream, size, rng)
        return own.backward(near, above), program.gradients([widened(leaf) for leaf in moved], above.flat)

    return at_moved_leaves


class _Own:
    """The user's own backward, next door to one case.

    What loops in JAX is compiled once, whole: step by step, its loops would be compiled at each call.
    """

    def __init__(self, bound: BoundLayer, case: Case, upstream: Upstream, device: str) -> None:
        self._bound, self._case, self._upstream, self._device = bound, case, upstream, device

    def backward(self, near: Case, above: Upstream) -> BackwardResult:
        """What came back; as one program it is zeros where nothing did."""
        if self._program is None:
            return run_backward(self._bound, near, run_forward(self._bound, near), above).backward
        gradients = self._program(*ComposedBackward(self._bound, near, above).values())
        places = {(leaf.argument, leaf.path): gradient for leaf, gradient in zip(near.leaves, gradients)}
        return BackwardResult(
            {name: rebuild(near.arguments[name], _placed(places, name)) for name in near.differentiable}
        )

    @cached_property
    def _program(self) -> Any:
        if not self._case.layer.uses_jax:
            return None
        composed = ComposedBackward(self._bound, self._case, self._upstream)
        try:
            return compile_program(composed, composed.values(), self._device) if composed.loops() else None
        except Exception:  # what does not run on tracers runs step by step
            return None


def _placed(places: Mapping[tuple[str, Any], Any], argument: str) -> Callable[[Any, Any], Any]:
    return lambda path, _: places.get((argument, path))


def moved_upstream(upstream: Upstream, size: float, rng: np.random.Generator) -> Upstream:
    """The upstream gradient off by random factors of 1 ± `size`, in its own dtypes and kinds of container."""
    flat: list[NDArray[Any]] = []

    def put(_: tuple[Any, ...], leaf: Any) -> Any:
        if not is_floating(leaf):
            return leaf
        mine = like(leaf, moved_randomly(np.asarray(leaf), size, rng))
        flat.append(np.array(widened(mine)))
        return mine

    return Upstream(rebuild(upstream.cotangents, put), tuple(flat))


def moved_randomly(value: NDArray[Any], size: float, rng: np.random.Generator) -> NDArray[Any]:
    """The value off by random factors: half of `size` to all of it, either way, so that no two moves are the same."""
    factors = rng.random(value.shape, dtype=np.float32).astype(np.float64)
    factors -= 0.5
    factors += np.copysign(0.5, factors)
    factors *= size
    factors += 1
    moved: NDArray[Any] = np.asarray(widened(value) * factors).astype(value.dtype, copy=False)
    return moved


def with_leaves(case: Case, values: tuple[NDArray[Any], ...]) -> Case:
    """The case with other arrays in its leaves' places, each of the kind (NumPy, JAX, scalar) that stood there."""
    places = {(leaf.argument, leaf.path): value for leaf, value in zip(case.leaves, values)}

    def put(argument: str) -> Callable[[tuple[Any, ...], Any], Any]:
        return lambda path, old: like(old, places[argument, path]) if (argument, path) in places else old

    arguments = {name: rebuild(value, put(name)) for name, value in case.arguments.items()}
    leaves = tuple(replace(leaf, value=value) for leaf, value in zip(case.leaves, values))
    return replace(case, arguments=arguments, leaves=leaves)
