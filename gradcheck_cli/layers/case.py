"""One set of inputs for a layer: the value that the input stage makes and every later stage reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.layer import Layer


@dataclass(frozen=True)
class ArgumentShape:
    """Where one argument's value comes from, decided once a layer, before any draw.

    Attributes:
        dimensions: a name or a fixed size for each axis: `("N", "D")`, `("N", 3)`; None for a value that has no
            shape (configuration), or where `template` is a pytree.
        kind: `float`, `complex`, `integer` (labels and indices), `boolean`, `size` (a plain int), `config`, `tree`.
        dtype: numpy's name where the annotation or declaration fixes it (`float32`), else "".
        values: for config, the settings over the draws (draw k takes values[k % len]); for integers, the name or size
            of the dimension that bounds them (`("C",)`); arrays given by the user, likewise one a draw; else empty.
        template: for `tree`, the nested dict/list/tuple with an ArgumentShape at each leaf.
        source: `--shape`, `--arg`, `layer(inputs=)`, `affine_inputs()`, `annotation`, `docstring`, `default`,
            `constructor`, `inferred`, `usual value`.
        domain: which values make sense: `positive`, `negative`, `unit` (inside 0..1), `simplex` (rows sum to one),
            `one-hot`, `definite` (symmetric positive definite), or "" for any.
    """

    dimensions: tuple[str | int, ...] | None
    kind: str
    source: str
    dtype: str = ""
    values: tuple[Any, ...] = ()
    template: Any = None
    domain: str = ""


@dataclass(frozen=True)
class Specification:
    """How to draw inputs for a layer.

    Attributes:
        shapes: by argument name, all of the layer's arguments, in its order.
        sizes: sizes fixed by `--dim` or by the inference, by dimension name.
        notes: what was inferred or assumed, in sentences for the report.
        make: a function of the user's (`affine_inputs(rng)`) that makes the arguments; then `shapes` only describes.
        derived: dimensions that follow from others, as an expression: `{"D": "d_1*d_2"}`.
    """

    shapes: Mapping[str, ArgumentShape]
    sizes: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    make: Any = None
    derived: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Leaf:
    """One array inside an argument: `w` itself, or `params['w']` inside a pytree.

    Attributes:
        name: for people: `w`, `params['w']`, `state[0]`.
        argument: the argument it is in.
        path: keys from the argument down to the array; empty when the argument is the array.
        value: the array.
        dimensions: a name for each axis, "" where it has none; () where unknown.
    """

    name: str
    argument: str
    path: tuple[Any, ...]
    value: NDArray[Any]
    dimensions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One draw.

    Attributes:
        arguments: a value for every argument of the layer, by name. Never hand these to the user's code: hand copies
            (`gradcheck_cli.layers.leaves.fresh`), for the user's code may write into them.
        leaves: the floating (differentiable) arrays among them, in order; their cotangents are what is judged.
        differentiable: names of the arguments that hold at least one such leaf, in the layer's order.
        dimensions: size by name.
    """

    layer: Layer
    draw: int
    seed: int
    arguments: Mapping[str, Any]
    leaves: tuple[Leaf, ...]
    differentiable: tuple[str, ...]
    dimensions: Mapping[str, int]
    notes: tuple[str, ...] = ()

    @property
    def dtype(self) -> np.dtype[Any]:
        """The widest floating dtype among the leaves: the layer's own dtype."""
        return np.result_type(*(leaf.value.dtype for leaf in self.leaves)) if self.leaves else np.dtype(np.float64)
