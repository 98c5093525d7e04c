"""What the user said about inputs on the command line, in `[tool.gradcheck]`, or to `check(...)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class InputOptions:
    """Everything that decides the inputs of a layer.

    Attributes:
        shapes: `--shape w=D,M` or `--shape w=4,5`: a name or a size for each axis, by argument name.
        dimensions: `--dim N=4`: a size by dimension name.
        arguments: `--arg conv_param='{"stride": 2}'`: a value (already parsed from JSON), by argument name.
        dtype: numpy's name of the floating dtype to draw in (`float64`). What the layer itself says wins, for it may
            not work in another: a dtype that an annotation fixes, and before that `layer(dtype=...)`.
        seed: every random choice of a run comes from it.
        magnitude: drawn floating values are multiplied by it.
        draws: how many cases per layer; the last of three or more is a batch of one.
    """

    shapes: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    dimensions: Mapping[str, int] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "float64"
    seed: int = 0
    draws: int = 3
    magnitude: float = 1.0

    def declared(self, dtype: str) -> InputOptions:
        """These options with the dtype that a layer declares; unchanged where it declares none ("")."""
        return replace(self, dtype=dtype) if dtype else self
