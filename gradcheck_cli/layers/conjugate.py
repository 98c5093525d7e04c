"""Complex gradients in the other convention: a layer whose backward takes and gives complex conjugates of JAX's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.layers.layer import BackwardResult, BoundLayer, ForwardResult
from gradcheck_cli.layers.leaves import rebuild

EXPECT = "conjugate"
"""What `layer(expect=...)` says of such a layer."""


class Conjugated:
    """A bound layer of the other convention, as one of JAX's: both of the backward's ends are conjugated.

    PyTorch and TensorFlow write ∂φ/∂Re + i ∂φ/∂Im for the gradient of a real cost φ by a complex number; JAX, and with
    it gradcheck, ∂φ/∂Re − i ∂φ/∂Im. It holds for what a backward is given as for what it returns.
    """

    def __init__(self, inner: BoundLayer) -> None:
        self.inner = inner
        self.initial = inner.initial
        self.forward = inner.forward
        self.evaluate = inner.evaluate
        self.reference = inner.reference
        self.again = getattr(inner, "again", None)
        self.own = getattr(inner, "own", None)

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """The backward, given conjugates; what it returns, conjugated."""
        found = self.inner.backward(result, conjugate(cotangents), differentiable)
        gradients: Mapping[str, Any] = {name: conjugate(value) for name, value in found.gradients.items()}
        return replace(found, gradients=gradients)


def conjugate(tree: Any) -> Any:
    """Every complex leaf conjugated, in its own kind of array; all others as they are."""

    def of(_: Any, leaf: Any) -> Any:
        if isinstance(leaf, complex) and not isinstance(leaf, np.generic):
            return leaf.conjugate()
        return leaf.conj() if getattr(getattr(leaf, "dtype", None), "kind", "") == "c" else leaf

    return rebuild(tree, of)
