"""Forward and backward of a JAX layer as one compiled program, for many cases of the same shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer
from gradcheck_cli.layers.leaves import fresh, rebuild
from gradcheck_cli.witnesses.analytic import run_backward, run_forward
from gradcheck_cli.witnesses.gradients import Analytic, Upstream
from gradcheck_cli.witnesses.reference.compiling import compile_program
from gradcheck_cli.witnesses.upstream import draw_upstream


@dataclass(frozen=True)
class Ran:
    """A case whose forward and backward have run."""

    outputs: tuple[Any, ...]
    upstream: Upstream
    analytic: Analytic


class Runner:
    """Runs cases of one layer: as written where it is NumPy's; compiled where it is JAX's and can be.

    A JAX layer run step by step compiles its loops anew at each call; the compiled program is found again by its text.
    """

    def __init__(self, bound: BoundLayer, device: str = "cpu") -> None:
        self._bound = bound
        self._device = device
        self._compiles = True

    def run(self, case: Case) -> Ran:
        """Forward, upstream gradient, backward.

        Raises:
            UserError: GC502, for what the layer raises.
        """
        if case.layer.uses_jax and self._compiles:
            try:
                return self._compiled(case)
            except Exception:  # it needs values (`if x > 0`), or hands on what is no array: as written, then
                self._compiles = False
        result = run_forward(self._bound, case)
        upstream = draw_upstream(case.layer, case, result.outputs)
        return Ran(result.outputs, upstream, run_backward(self._bound, case, result, upstream))

    def _compiled(self, case: Case) -> Ran:
        import jax
        import jax.numpy as jnp

        leaves = tuple(jnp.asarray(leaf.value) for leaf in case.leaves)
        shapes = jax.eval_shape(lambda values: self._bound.forward(_arguments(case, values)).outputs, leaves)
        zeros = jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), shapes)
        upstream = draw_upstream(case.layer, case, zeros)

        def both(values: Any, cotangents: Any) -> tuple[Any, Any]:
            result = self._bound.forward(_arguments(case, values))
            return result.outputs, dict(self._bound.backward(result, cotangents, case.differentiable).gradients)

        program: Callable[..., Any] = compile_program(both, (leaves, upstream.cotangents), self._device)
        outputs, gradients = program(leaves, upstream.cotangents)
        return Ran(outputs, upstream, Analytic(outputs, BackwardResult(gradients)))


def _arguments(case: Case, values: Any) -> Mapping[str, Any]:
    places = {(leaf.argument, leaf.path): value for leaf, value in zip(case.leaves, values)}

    def put(name: str) -> Callable[[Any, Any], Any]:
        return lambda path, old: places.get((name, path), old)

    return {name: rebuild(fresh(value), put(name)) for name, value in case.arguments.items()}
