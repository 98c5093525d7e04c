"""`jax.test_util.check_grads`, as a user would call it: a `custom_vjp` around the layer, reverse mode, defaults."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.detection.cases import Drawn
from benchmarks.detection.runners.flat import FlatLayer
from benchmarks.detection.runners.outcome import Outcome, Said
from gradcheck_cli.layers.layer import BoundLayer


def jax_check_grads(bound: BoundLayer, draws: Sequence[Drawn]) -> Outcome:
    """Wrong as soon as it says so of one draw; the seconds are those of all draws up to there."""
    from jax.test_util import check_grads

    logging.getLogger("jax").setLevel(logging.CRITICAL)  # it logs what a callback raises, beside raising it
    started = time.perf_counter()
    said, words = Said.RIGHT, ""
    for drawn in draws:
        flat = FlatLayer(bound, drawn)
        try:
            with np.errstate(all="ignore"):
                check_grads(_function(flat), flat.leaves, order=1, modes=["rev"])
        except Exception as error:  # its own AssertionError, or what the backward raised inside of it
            said, words = Said.WRONG, f"{type(error).__name__}: {_first(error)}"
            break
    return Outcome(said, time.perf_counter() - started, words)


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else ""


def _function(flat: FlatLayer) -> Any:
    """The layer as a JAX function with a rule: NumPy code is reached by `pure_callback`, as JAX's documentation says.

    A layer written for JAX is called as it is wherever its arguments are values (as they are in `check_grads`).
    The forward is run again in the backward, for residuals that are no arrays cannot be handed from one to the other.
    """
    import jax

    shapes = [jax.ShapeDtypeStruct(output.shape, output.dtype) for output in flat.forward(flat.leaves)[0]]
    leaf_shapes = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in flat.leaves]

    def run_forward(*leaves: Any) -> Any:
        return [np.asarray(output) for output in flat.forward([np.asarray(leaf) for leaf in leaves])[0]]

    def run_backward(leaves: Any, cotangents: Any) -> Any:
        _, result = flat.forward([np.asarray(leaf) for leaf in leaves])
        gradients = flat.backward(result, [np.asarray(cotangent) for cotangent in cotangents])
        return [
            np.zeros(leaf.shape, leaf.dtype) if gradient is None else _checked(gradient, leaf)
            for gradient, leaf in zip(gradients, leaf_shapes)
        ]

    def call(function: Any, result: Any, *arguments: Any) -> Any:
        traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree_util.tree_leaves(arguments))
        if flat.uses_jax and not traced:
            return jax.tree_util.tree_map(jax.numpy.asarray, function(*arguments))
        return jax.pure_callback(function, result, *arguments)

    @jax.custom_vjp
    def layer(*leaves: Any) -> Any:
        return call(run_forward, shapes, *leaves)

    def forward(*leaves: Any) -> Any:
        return layer(*leaves), leaves

    def backward(leaves: Any, cotangents: Any) -> Any:
        return tuple(call(run_backward, leaf_shapes, leaves, cotangents))

    layer.defvjp(forward, backward)
    return layer


def _checked(gradient: Any, leaf: Any) -> Any:
    if gradient.shape != leaf.shape:
        raise ValueError(f"gradient of shape {gradient.shape} for an input of shape {leaf.shape}")
    return gradient.astype(leaf.dtype)
