"""What the three witnesses say, before anybody judges it. All by leaf, in the order of `Case.leaves`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.layer import BackwardResult


@dataclass(frozen=True)
class Upstream:
    """The upstream gradients: what the user's backward gets, and the same flattened over floating output leaves.

    Attributes:
        cotangents: one per output, in the output's own structure and dtype (zeros for outputs that are not floating).
        flat: the floating output leaves' cotangents in float64 (complex128), in the order of `Trace.outputs`.
    """

    cotangents: tuple[Any, ...]
    flat: tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class Analytic:
    """The user's own gradients: what the backward returned, and the outputs of the forward before it."""

    outputs: tuple[Any, ...]
    backward: BackwardResult


@dataclass(frozen=True)
class Autodiff:
    """`jax.vjp` of the trace, float64.

    Attributes:
        gradients: one array per leaf, in the leaf's shape.
        scale: per leaf, in the leaf's shape: the root mean square of each element's gradient under random signs of the
            upstream gradient, i.e. sqrt(Σ_j (g_j ∂f_j/∂x_i)²): what an element's rounding is measured against.
        outputs: the traced forward's own outputs, to hold against the user's; () where it has none.
    """

    gradients: tuple[NDArray[Any], ...]
    scale: tuple[NDArray[np.float64], ...]
    outputs: tuple[NDArray[Any], ...] = ()


@dataclass(frozen=True)
class Difference:
    """A derivative by finite differences, and how far it can be off: `|value − true| ≤ error` is what is claimed.

    Attributes:
        value: the central difference, extrapolated.
        error: its error bar: truncation (from two steps) plus round-off (from the function's own noise).
        forward, backward: one-sided differences, for kinks and jumps; None where they were not asked for.
        one_sided_error: the error bar of those.
        lower, upper: the derivative with each output's slope chosen between its own two; None where not asked for.
        jump: how far an output jumps here, 0 where none does; the one-sided slopes are then those beside the jump.
        kinked: positions (over all outputs, as reals) of the outputs that have a kink or a jump here.
        several: an output has more than two slopes at points around this one: several kinks meet inside it.
    """

    value: float | complex
    error: float
    forward: float | complex | None = None
    backward: float | complex | None = None
    one_sided_error: float | None = None
    lower: float | None = None
    upper: float | None = None
    jump: float = 0.0
    kinked: tuple[int, ...] = ()
    several: bool = False


@dataclass(frozen=True)
class Directional:
    """A derivative along a random direction of all leaves at once: `direction[k]` has leaf k's shape."""

    direction: tuple[NDArray[Any], ...]
    difference: Difference


@dataclass(frozen=True)
class FiniteDifferences:
    """Finite differences of the user's own forward.

    Attributes:
        directional: along random directions of all leaves together.
        elements: by (leaf position, index in the leaf), for the elements that were differenced.
        complete: every element of every leaf is in `elements`.
        evaluations: how many times the forward ran.
        note: why some elements were left out (`--max-evals`), or "".
    """

    directional: tuple[Directional, ...] = ()
    elements: Mapping[tuple[int, tuple[int, ...]], Difference] = field(default_factory=dict)
    complete: bool = False
    evaluations: int = 0
    note: str = ""
