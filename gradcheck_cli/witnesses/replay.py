"""Yours and the reference at inputs that are off by roundings: tells rounding inside a backward from a mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer
from gradcheck_cli.layers.leaves import rebuild
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.analytic import run_backward, run_forward
from gradcheck_cli.witnesses.autodiff import gradient_program
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.upstream import like, widened


def replay(
    bound: BoundLayer, trace: Trace, case: Case, upstream: Upstream, *, device: str = "cpu"
) -> Callable[[float, int], tuple[BackwardResult, tuple[NDArray[Any], ...]]]:
    """`(relative size, seed) -> (yours, autodiff)`, both at the same leaves, off by random factors of 1 ± that size.

    The leaves are rounded to the layer's own dtype before either sees them.
    """
    program = gradient_program(trace, device=device)

    def at_moved_leaves(size: float, seed: int) -> tuple[BackwardResult, tuple[NDArray[Any], ...]]:
        rng = np.random.default_rng(seed)
        moved = []
        for leaf in case.leaves:
            signs = rng.choice((-1.0, 1.0), leaf.value.shape)
            moved.append((widened(leaf.value) * (1 + size * signs)).astype(leaf.value.dtype))
        near = with_leaves(case, tuple(moved))
        analytic = run_backward(bound, near, run_forward(bound, near), upstream)
        return analytic.backward, program.gradients([widened(leaf) for leaf in moved], upstream.flat)

    return at_moved_leaves


def with_leaves(case: Case, values: tuple[NDArray[Any], ...]) -> Case:
    """The case with other arrays in its leaves' places, each of the kind (NumPy, JAX, scalar) that stood there."""
    places = {(leaf.argument, leaf.path): value for leaf, value in zip(case.leaves, values)}

    def put(argument: str) -> Callable[[tuple[Any, ...], Any], Any]:
        return lambda path, old: like(old, places[argument, path]) if (argument, path) in places else old

    arguments = {name: rebuild(value, put(name)) for name, value in case.arguments.items()}
    leaves = tuple(replace(leaf, value=value) for leaf, value in zip(case.leaves, values))
    return replace(case, arguments=arguments, leaves=leaves)
