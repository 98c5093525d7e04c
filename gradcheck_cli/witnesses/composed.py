"""The user's forward and backward as one function of JAX values: what JAX itself runs under grad of grad, vmap, jit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer
from gradcheck_cli.layers.leaves import at, fresh, is_floating, rebuild
from gradcheck_cli.tracing.trace import primitive_names
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.reference.compiling import compile_program

CONTROL_FLOW = frozenset({"scan", "while", "cond"})

Values = tuple[Any, ...]
"""JAX arrays or tracers, in order: of the case's leaves, or of the floating leaves of its upstream gradient."""


class ComposedBackward:
    """`(leaves, cotangents) -> gradients`: forward and backward as they are written, on JAX arrays or tracers."""

    def __init__(self, bound: BoundLayer, case: Case, upstream: Upstream) -> None:
        self._bound = bound
        self._case = case
        self._upstream = upstream

    def __call__(self, leaves: Sequence[Any], cotangents: Sequence[Any]) -> Values:
        """A gradient for each leaf, zeros where none came back.

        Raises:
            UserError: GC502, where the user's code raises.
        """
        case = self._case
        places = {(leaf.argument, leaf.path): value for leaf, value in zip(case.leaves, leaves)}

        def put(argument: str) -> Callable[[tuple[Any, ...], Any], Any]:
            return lambda path, old: places.get((argument, path), old)

        arguments = {name: rebuild(fresh(value), put(name)) for name, value in case.arguments.items()}
        result = self._bound.forward(arguments)
        supply = iter(cotangents)
        upstream = rebuild(self._upstream.cotangents, lambda _, old: next(supply) if is_floating(old) else old)
        return leaf_gradients(case, self._bound.backward(result, upstream, case.differentiable))

    def values(self) -> tuple[Values, Values]:
        """The case's own leaves and cotangents, as JAX arrays in their own dtypes."""
        import jax.numpy as jnp

        flat: list[Any] = []

        def keep(_: Any, leaf: Any) -> Any:
            if is_floating(leaf):
                flat.append(jnp.asarray(leaf))
            return leaf

        rebuild(self._upstream.cotangents, keep)
        return tuple(jnp.asarray(leaf.value) for leaf in self._case.leaves), tuple(flat)

    def loops(self) -> bool:
        """Whether it has a loop or a branch of JAX's: one that is made anew is compiled anew, at each call.

        Raises whatever tracing raises.
        """
        import jax

        return not CONTROL_FLOW.isdisjoint(primitive_names(jax.make_jaxpr(self)(*self.values()).jaxpr))


def leaf_gradients(case: Case, backward: BackwardResult) -> Values:
    """What came back for each leaf, as a JAX array; zeros where nothing did."""
    import jax.numpy as jnp

    found = []
    for leaf in case.leaves:
        try:
            gradient = at(backward.gradients.get(leaf.argument), leaf.path)
        except (LookupError, TypeError):
            gradient = None
        if gradient is None or str(getattr(gradient, "dtype", "")) == "[('float0', 'V')]":
            gradient = np.zeros(leaf.value.shape, leaf.value.dtype)
        found.append(jnp.asarray(gradient))
    return tuple(found)


def compiled(backward: ComposedBackward, device: str) -> Values:
    """The gradients by one program, as `jax.jit` makes it.

    Raises:
        UserError: GC502, where the user's code does not run on tracers; or what JAX raises outside the user's lines.
    """
    arguments = backward.values()
    return tuple(
        compile_program(lambda leaves, cotangents: backward(leaves, cotangents), arguments, device)(*arguments)
    )
