"""A case in another dtype: the same numbers, for code that is to compute with more digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.leaves import is_floating, rebuild
from gradcheck_cli.witnesses.gradients import Upstream

Array = NDArray[Any]


def case_in(case: Case, change: Callable[[Array], Array]) -> Case:
    """The case with its leaves in another dtype, each of the kind (NumPy, JAX, scalar) that stood there."""
    places = {(leaf.argument, leaf.path) for leaf in case.leaves}

    def put(argument: str) -> Callable[[tuple[Any, ...], Any], Any]:
        return lambda path, old: _changed(old, change) if (argument, path) in places else old

    arguments = {name: rebuild(value, put(name)) for name, value in case.arguments.items()}
    leaves = tuple(replace(leaf, value=change(leaf.value)) for leaf in case.leaves)
    return replace(case, arguments=arguments, leaves=leaves)


def upstream_in(upstream: Upstream, change: Callable[[Array], Array]) -> Upstream:
    """The upstream gradient in another dtype."""
    cotangents = rebuild(upstream.cotangents, lambda _, leaf: _changed(leaf, change) if is_floating(leaf) else leaf)
    return Upstream(cotangents, upstream.flat)


def _changed(leaf: Any, change: Callable[[Array], Array]) -> Any:
    if isinstance(leaf, np.ndarray):
        return change(leaf)
    if isinstance(leaf, (float, complex, np.generic)):
        return change(np.asarray(leaf))[()]
    if not hasattr(leaf, "dtype"):
        return leaf
    import jax.numpy as jnp

    return jnp.asarray(change(np.asarray(leaf)))
