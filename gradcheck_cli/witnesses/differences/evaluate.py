"""The user's own forward as a function of the leaves, for finite differences: called thousands of times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case, Leaf
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.layers.leaves import at, fresh, is_floating, rebuild, walk
from gradcheck_cli.witnesses.reference.compiling import compile_program

Leaves = tuple[NDArray[Any], ...]
Evaluate = Callable[[Leaves], tuple[NDArray[Any], ...]]
"""The leaves in float64 (complex128) to the floating outputs, flattened over all outputs. What comes back may share
memory with the leaves, and is read before the next call."""

Outputs = Callable[[Mapping[str, Any]], tuple[Any, ...]]
"""A bound layer's `evaluate` or `reference`."""

_CONSTANTS = (bool, int, float, complex, str, bytes, type(None))


def evaluator(bound: BoundLayer, case: Case, *, device: str = "cpu") -> Evaluate:
    """The forward of `case` as `Evaluate`; compiled once where the layer is written for JAX and can be.

    A layer that declares a dtype of its own need not work in float64 (compiled code may read other memory then):
    where it has a reference, that is evaluated in its place.
    """
    if not case.layer.uses_jax:
        own = case.layer.dtype not in ("", "float64", "complex128")
        return NumpyForward(bound, case, bound.reference if own and case.layer.has_reference else bound.evaluate)
    return JaxForward(bound, case, device)


class ReferenceOnly:
    """A bound layer whose function is its reference: for a forward that is known to be another function."""

    def __init__(self, bound: BoundLayer) -> None:
        self.initial = bound.initial
        self.forward = bound.forward
        self.backward = bound.backward
        self.evaluate = bound.reference
        self.reference = bound.reference


class NumpyForward:
    """Hands the leaves to the user's forward as read-only arrays, so that nothing need be copied at each call.

    A forward that writes into its arguments fails on those; from then on it gets copies. Everything else that an
    argument holds (labels, a configuration dictionary) is copied at each call.
    """

    def __init__(self, bound: BoundLayer, case: Case, function: Outputs | None = None) -> None:
        self._function = function or bound.evaluate
        self._case = case
        self._copying = False
        self._leaves: Leaves = ()
        self._views: Leaves = ()
        by_argument: dict[str, list[tuple[int, Leaf]]] = {}
        for position, leaf in enumerate(case.leaves):
            by_argument.setdefault(leaf.argument, []).append((position, leaf))
        self._whole = [(leaf.argument, position) for position, leaf in enumerate(case.leaves) if not leaf.path]
        self._inside = {name: leaves for name, leaves in by_argument.items() if leaves[0][1].path}
        self._scalars = {leaf.argument for leaf in case.leaves if not isinstance(leaf_value(case, leaf), np.ndarray)}
        self._constants = {
            name: value
            for name, value in case.arguments.items()
            if name not in by_argument and isinstance(value, _CONSTANTS)
        }
        self._copied = [name for name in case.arguments if name not in by_argument and name not in self._constants]

    def __call__(self, leaves: Leaves) -> tuple[NDArray[Any], ...]:
        """Run the forward; raises what it raises."""
        if not self._copying:
            try:
                return flat_outputs(self._function(self._arguments(self._read_only(leaves))))
            except Exception:  # perhaps only because it may not write: if so, copies will do
                outputs = self._on_copies(leaves)
                self._copying = True
                return outputs
        return self._on_copies(leaves)

    def _on_copies(self, leaves: Leaves) -> tuple[NDArray[Any], ...]:
        return flat_outputs(self._function(self._arguments(tuple(leaf.copy() for leaf in leaves))))

    def _read_only(self, leaves: Leaves) -> Leaves:
        if leaves is not self._leaves:
            views = tuple(leaf.view() for leaf in leaves)
            for view in views:
                view.flags.writeable = False
            self._leaves, self._views = leaves, views
        return self._views

    def _arguments(self, leaves: Leaves) -> Mapping[str, Any]:
        arguments: dict[str, Any] = dict(self._constants)
        for name in self._copied:
            arguments[name] = fresh(self._case.arguments[name])
        for name, position in self._whole:
            arguments[name] = leaves[position][()] if name in self._scalars else leaves[position]
        for name, inside in self._inside.items():
            arguments[name] = _put_back(self._case.arguments[name], inside, leaves)
        # In the layer's own order, for a forward that takes whatever arguments it is given.
        return {name: arguments[name] for name in self._case.arguments}


class JaxForward:
    """The forward compiled as one program; step by step where compiling fails (`float(x)`, `if x > 0`)."""

    def __init__(self, bound: BoundLayer, case: Case, device: str = "cpu") -> None:
        self._bound = bound
        self._case = case
        self._device = device
        self._program: Any = None
        self._tried = False

    def __call__(self, leaves: Leaves) -> tuple[NDArray[Any], ...]:
        """Run the forward; raises what it raises."""
        if not self._tried:
            self._tried = True
            try:
                self._program = compile_program(self._outputs, (leaves,), self._device)
            except Exception:  # it needs values, or is not JAX after all
                self._program = None
        if self._program is not None:
            return tuple(np.asarray(output) for output in self._program(leaves))
        return tuple(np.asarray(output) for output in self._outputs(tuple(np.array(leaf) for leaf in leaves)))

    def _outputs(self, leaves: Any) -> tuple[Any, ...]:
        import jax.numpy as jnp

        arrays = tuple(jnp.asarray(leaf) for leaf in leaves)
        arguments = {name: fresh(value) for name, value in self._case.arguments.items()}
        for name in self._case.differentiable:
            inside = [(position, leaf) for position, leaf in enumerate(self._case.leaves) if leaf.argument == name]
            arguments[name] = _put_back(arguments[name], inside, arrays)
        outputs = self._bound.evaluate(arguments)
        return tuple(jnp.asarray(leaf) for _, leaf in walk(outputs) if is_floating(leaf))


def flat_outputs(outputs: tuple[Any, ...]) -> tuple[NDArray[Any], ...]:
    """The floating leaves of the outputs, in order, as arrays."""
    if len(outputs) == 1 and type(outputs[0]) is np.ndarray and outputs[0].dtype.kind in "fc":
        return outputs
    return tuple(np.asarray(leaf) for _, leaf in walk(outputs) if is_floating(leaf))


def leaf_value(case: Case, leaf: Leaf) -> Any:
    """What stands at the leaf's place in the case's arguments: an array, or a scalar."""
    return at(case.arguments[leaf.argument], leaf.path)


def _put_back(argument: Any, inside: list[tuple[int, Leaf]], leaves: tuple[Any, ...]) -> Any:
    positions = {leaf.path: position for position, leaf in inside}
    return rebuild(argument, lambda path, old: leaves[positions[path]] if path in positions else fresh(old))
