"""The forward as one jaxpr for this case's inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Trace:
    """The forward of one case as a jaxpr whose values agree with the user's own forward.

    Attributes:
        jaxpr: a `jax.extend.core.ClosedJaxpr`; its inputs are the case's leaves in order, in float64 or complex128;
            its outputs are the floating output leaves in order.
        outputs: the forward's own floating output leaves, flattened over all outputs, as NumPy arrays.
        narrowest: the narrowest floating dtype that the forward computed in (float32 where a float64 layer casts down).
        on_jax: the forward ran on JAX tracers, not on dual arrays.
        notes: steps through which no gradient flows and that a reader may not expect, such as `int(...)`, with lines.
        names: what the user calls a variable of the jaxpr, where calls were followed (`calls`).
        files: the user's source files that it ran code from.
    """

    jaxpr: Any
    outputs: tuple[NDArray[Any], ...]
    narrowest: np.dtype[Any]
    notes: tuple[str, ...] = ()
    on_jax: bool = False
    names: Mapping[Any, str] = field(default_factory=dict)
    files: frozenset[str] = frozenset()

    @property
    def equations(self) -> int:
        """How many equations the jaxpr has, at the top level."""
        return len(self.jaxpr.jaxpr.eqns)

    @property
    def steps(self) -> int:
        """How many equations a compiler gets to see: those of inner programs (a jitted part, a loop's body) too."""
        return _steps(self.jaxpr.jaxpr)


def _steps(jaxpr: Any) -> int:
    return len(jaxpr.eqns) + sum(_steps(part) for equation in jaxpr.eqns for part in inner_jaxprs(equation))


def inner_jaxprs(equation: Any) -> Iterator[Any]:
    """The programs inside an equation: a jitted part, a loop's body, the branches of a `cond`."""
    for value in equation.params.values():
        for part in value if isinstance(value, (tuple, list)) else (value,):
            if hasattr(part, "eqns"):
                yield getattr(part, "jaxpr", part)


def primitive_names(jaxpr: Any) -> Iterator[str]:
    """The name of each equation's primitive, those of inner programs too."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in inner_jaxprs(equation):
            yield from primitive_names(inner)


@dataclass(frozen=True)
class Untraceable:
    """Why autodiff is not to be had for this case, and where."""

    reason: str
    path: Path | None = None
    line: int | None = None
