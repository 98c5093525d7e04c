"""Failing cases made of plain arrays: right gradients drawn at random, and a slip that makes yours of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.cause import Cause, chosen, claim_of
from gradcheck_cli.diagnose.hypotheses.failing import Failing, Gradient, Output
from gradcheck_cli.diagnose.hypotheses.naming import named

Array = NDArray[Any]
Gradients = dict[str, Array]

SIZES = ({"N": 4, "D": 6, "M": 3}, {"N": 5, "D": 4, "M": 7})
"""Of two cases."""

ROUNDING = 1e-12


def gradient(name: str, axes: Sequence[str], yours: Array, reference: Array) -> Gradient:
    """A leaf's gradient as the judge leaves it."""
    allowed = np.full(reference.shape, ROUNDING)
    wrong = np.abs(yours - reference) > allowed
    return Gradient(name, f"d{name}", tuple(axes), yours, reference, allowed, np.ones(reference.shape, np.bool_), wrong)


def cases(
    shapes: Mapping[str, Sequence[str]],
    slip: Callable[[Gradients], Mapping[str, Array]],
    *,
    sizes: Sequence[Mapping[str, int]] = SIZES,
    numbers: Mapping[str, float] | None = None,
    drawn: Callable[[np.random.Generator, tuple[int, ...]], Array] | None = None,
) -> tuple[Failing, Failing]:
    """Two cases of a layer whose leaves have axes of these names.

    Args:
        slip: from the right gradients to those of yours that are wrong.
        drawn: the right gradient of a shape; normal numbers unless given.
    """
    found = []
    for number, named_sizes in enumerate(sizes):
        rng = np.random.default_rng(number)
        right: Gradients = {}
        for name, axes in shapes.items():
            shape = tuple(named_sizes[axis] for axis in axes)
            right[name] = rng.normal(size=shape) if drawn is None else drawn(rng, shape)
        yours = {**right, **slip(right)}
        gradients = tuple(gradient(name, axes, yours[name], right[name]) for name, axes in shapes.items())
        found.append(Failing(gradients, named_sizes, numbers or {}))
    return found[0], found[1]


def causes(first: Failing, second: Failing) -> tuple[Cause, ...]:
    """What is named."""
    return tuple(replace(cause, claim=claim_of(cause, first.sizes)) for cause in chosen(named(first, second)))


def affine(
    number: int, wrong: Callable[[Array, Array, Array], Mapping[str, Array]], *, is_square: bool = False
) -> Failing:
    """`x @ w + b` for `x` (N, D), `w` (D, M), `b` (M,) as a case that can be pulled back again.

    Args:
        wrong: from x, w and the upstream gradient to those of yours that are wrong.
    """
    sizes = SIZES[number]
    rng = np.random.default_rng(10 + number)
    n, d, m = sizes.values()
    m = d if is_square else m
    x, w, upstream = rng.normal(size=(n, d)), rng.normal(size=(d, m)), rng.normal(size=(n, m))

    def pulled(above: Sequence[Array], changed: Mapping[str, Array]) -> Gradients:
        (g,) = above
        one, other = changed.get("x", x), changed.get("w", w)
        return {"x": g @ other.T, "w": one.T @ g, "b": g.sum(axis=0)}

    def each(several: Sequence[Sequence[Array]], changed: Mapping[str, Array]) -> list[Gradients]:
        return [pulled(above, changed) for above in several]

    right = pulled([upstream], {})
    yours = {**right, **wrong(x, w, upstream)}
    axes = {"x": ("N", "D"), "w": ("D", "M"), "b": ("M",)}
    gradients = tuple(gradient(name, axes[name], yours[name], right[name]) for name in axes)
    inputs = {"x": x, "w": w, "b": np.zeros(m)}
    outputs = (Output("dout", ("N", "M"), upstream),)
    return Failing(gradients, sizes, inputs=inputs, given=inputs, outputs=outputs, pulled=each)
