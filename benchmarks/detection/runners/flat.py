"""One draw of a layer as functions of a flat list of arrays, which is how the peers want to see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.cases import Drawn, leaf_gradients
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.layers.leaves import fresh, is_floating, rebuild, walk
from gradcheck_cli.layers.users_code import quiet
from gradcheck_cli.witnesses.composed import ComposedBackward
from gradcheck_cli.witnesses.conduct.replay import with_leaves
from gradcheck_cli.witnesses.differences.evaluate import flat_outputs
from gradcheck_cli.witnesses.upstream import like

Arrays = tuple[NDArray[Any], ...]


class FlatLayer:
    """The user's forward and backward on one draw; labels and configuration are closed over.

    What loops in JAX (`scan`, `while_loop`) is handed over compiled, as who checks it would: run as it stands, its
    loops are compiled anew at each of a peer's hundreds of calls.
    """

    def __init__(self, bound: BoundLayer, drawn: Drawn) -> None:
        self._bound = bound
        self._drawn = drawn

    @property
    def leaves(self) -> Arrays:
        """The differentiable inputs."""
        return tuple(np.array(leaf.value) for leaf in self._drawn.case.leaves)

    def forward(self, leaves: Sequence[NDArray[Any]]) -> tuple[Arrays, Any]:
        """The floating outputs, and what `backward` needs."""
        if self._compiled is not None:
            given = tuple(np.array(leaf) for leaf in leaves)
            return tuple(np.array(output) for output in self._compiled[0](given)), given
        case = with_leaves(self._drawn.case, tuple(np.array(leaf) for leaf in leaves))
        with quiet():
            result = self._bound.forward({name: fresh(value) for name, value in case.arguments.items()})
        return tuple(np.array(output) for output in flat_outputs(result.outputs)), result

    def backward(self, result: Any, cotangents: Sequence[NDArray[Any]]) -> tuple[NDArray[Any] | None, ...]:
        """The gradients of the leaves, None where nothing came back.

        A loss that returns its own gradient takes no upstream: its gradient is multiplied by it, as whoever wraps
        such a layer for another tool must.
        """
        if self._compiled is not None:
            return tuple(np.array(gradient) for gradient in self._compiled[1](result, tuple(cotangents)))
        layer, case = self._drawn.case.layer, self._drawn.case
        unit = layer.unit_upstream
        remaining = iter(cotangents)
        # those of outputs that are not floating stay as gradcheck gives them: zeros, of `float0` for JAX's rules
        given = dict(walk(self._drawn.upstream.cotangents))

        def put(path: Any, leaf: Any) -> Any:
            if not is_floating(leaf):
                return given[path]
            mine = next(remaining)
            return like(leaf, np.ones(np.shape(leaf)) if unit else np.array(mine))

        upstream = rebuild(result.outputs, put)
        with quiet():
            gradients = leaf_gradients(case, self._bound.backward(result, upstream, case.differentiable).gradients)
        if not unit:
            return gradients
        factor = sum(float(np.sum(cotangent)) for cotangent in cotangents)
        return tuple(None if gradient is None else gradient * factor for gradient in gradients)

    @cached_property
    def _compiled(self) -> tuple[Callable[..., Arrays], Callable[..., Arrays]] | None:
        """Forward and backward as programs; None for a layer without loops of JAX's, or that does not compile."""
        case = self._drawn.case
        if not self.uses_jax or case.layer.unit_upstream:
            return None
        import jax

        places = {(leaf.argument, leaf.path): position for position, leaf in enumerate(case.leaves)}

        def outputs(leaves: Arrays) -> Arrays:
            def put(argument: str) -> Callable[[Any, Any], Any]:
                return lambda path, old: leaves[places[argument, path]] if (argument, path) in places else old

            arguments = {name: rebuild(fresh(value), put(name)) for name, value in case.arguments.items()}
            return tuple(leaf for _, leaf in walk(self._bound.forward(arguments).outputs) if is_floating(leaf))

        backward = ComposedBackward(self._bound, case, self._drawn.upstream)
        try:
            if not backward.loops():
                return None
            programs = jax.jit(outputs), jax.jit(backward)
            programs[1](*backward.values())
            programs[0](backward.values()[0])
        except Exception:  # what does not run on tracers runs as it stands
            return None
        return programs

    @property
    def uses_jax(self) -> bool:
        """Whether it is written for JAX."""
        return self._drawn.case.layer.uses_jax
