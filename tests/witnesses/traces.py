"""Traces straight from `jax.make_jaxpr`, for forwards that are written with `jax.numpy`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from gradcheck_cli.layers.case import Case
from gradcheck_cli.tracing.trace import Trace


def make_trace(forward: Callable[..., Any], case: Case) -> Trace:
    """`forward` takes the leaves, in order."""
    leaves = [
        np.asarray(leaf.value, np.complex128 if np.iscomplexobj(leaf.value) else np.float64) for leaf in case.leaves
    ]

    def outputs(*leaves: Any) -> Any:
        found = forward(*leaves)
        return found if isinstance(found, tuple) else (found,)

    return Trace(jax.make_jaxpr(outputs)(*leaves), tuple(map(np.asarray, outputs(*leaves))), np.dtype(np.float64))
