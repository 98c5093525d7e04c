"""Layers that have a derivative in forward mode of their own: `jax.custom_jvp` objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from gradcheck_cli.layers.layer import BoundLayer, ForwardResult


@runtime_checkable
class ForwardMode(Protocol):
    """What such a layer offers beside its backward."""

    def push_forward(
        self, arguments: Mapping[str, Any], tangents: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Outputs, and their tangents by the user's rule; `tangents` are those of the differentiated arguments."""

    def why_not_transposed(self, result: ForwardResult, cotangents: tuple[Any, ...]) -> str:
        """Why JAX cannot transpose the rule, in its own words; "" where it can."""


def forward_mode_of(bound: BoundLayer) -> ForwardMode | None:
    """The forward mode of a bound layer, whatever it is wrapped in; None where it has none."""
    layer: Any = bound
    while layer is not None:
        if isinstance(layer, ForwardMode):
            return layer
        layer = getattr(layer, "inner", None)
    return None
