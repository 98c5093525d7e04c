"""Extreme but legal inputs: a drawn case's own shapes, with other values; its configuration stays as it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import ArgumentShape, Case, Specification
from gradcheck_cli.layers.inputs import names, patterns
from gradcheck_cli.layers.inputs.dimensions import evaluate
from gradcheck_cli.layers.inputs.patterns import Pattern
from gradcheck_cli.layers.layer import Role
from gradcheck_cli.layers.leaves import rebuild

Array = NDArray[Any]

PARAMETER_PATTERNS = frozenset({"large", "tiny", "zero"})
"""What is asked of weights and biases by themselves: they are the layer's own, and rarely equal or constant."""

TOGETHER = frozenset({"large", "tiny", "zero", "equal"})
"""What is asked of all floating arguments at once."""

MOST_ARGUMENTS = 6
"""Arguments that are made extreme one at a time; with more, the first ones."""


@dataclass(frozen=True)
class Extreme:
    """One way of making a case extreme.

    Attributes:
        words: what the values are like, for the report: `large`, `all equal`.
        arguments: the arguments whose values are replaced.
        magnitude: how large (or small) they are made; None where the pattern has no size.
        pattern: by argument; leaves inside one argument share it.
    """

    words: str
    arguments: tuple[str, ...]
    magnitude: float | None
    pattern: Mapping[str, Pattern]

    @property
    def grows(self) -> bool:
        """Whether a larger magnitude is the more extreme."""
        return self.magnitude is not None and self.magnitude > 1

    @property
    def is_scaled(self) -> bool:
        """Whether the values are the magnitude times others that are moderate."""
        return self.magnitude is not None and all(pattern.is_scaled for pattern in self.pattern.values())

    def of(self, case: Case, magnitude: float | None = None) -> Case:
        """The case with these arguments made extreme, at another magnitude than its own where one is given."""
        size = self.magnitude if magnitude is None else magnitude
        values = {
            (leaf.argument, leaf.path): self.pattern[leaf.argument].of(leaf.value, size)
            for leaf in case.leaves
            if leaf.argument in self.arguments
        }
        inside = {argument for argument, _ in values}
        for name in self.arguments:
            if name not in inside:
                values[name, ()] = self.pattern[name].of(np.asarray(case.arguments[name]), size)
        return with_values(case, values)


def extremes(case: Case, specification: Specification) -> list[Extreme]:
    """The extremes that make sense for a case, the most ordinary first: each argument alone, then all together.

    `specification` says which values are legal: an argument's domain, the bound of integers. Values that the user
    gave, or a function of the user's made, are only made larger and smaller, for nobody knows what else is legal.
    """
    single: list[tuple[int, Extreme]] = []
    of_all: dict[tuple[str, float | None], dict[str, Pattern]] = {}
    for number, name in enumerate(case.differentiable):
        ranked = _patterns(case, specification, name)
        parameter = _is_parameter(case, name)
        for rank, (pattern, magnitude) in enumerate(ranked):
            if number < MOST_ARGUMENTS and (not parameter or pattern.kind in PARAMETER_PATTERNS):
                single.append((rank, Extreme(pattern.words, (name,), magnitude, {name: pattern})))
            if pattern.kind in TOGETHER:
                of_all.setdefault((pattern.words, magnitude), {}).setdefault(name, pattern)
    integers = [(0, one) for one in _integer_extremes(case, specification)]
    together = [
        (100, Extreme(words, tuple(chosen), magnitude, chosen))
        for (words, magnitude), chosen in of_all.items()
        if len(chosen) > 1
    ]
    ordered = sorted([*single, *integers], key=lambda pair: pair[0])
    return [extreme for _, extreme in (*ordered, *together)]


def with_values(case: Case, values: Mapping[tuple[str, tuple[Any, ...]], Array]) -> Case:
    """The case with other arrays at these (argument, path), each of the kind and dtype that stood there."""

    def put(argument: str) -> Callable[[tuple[Any, ...], Any], Any]:
        return lambda path, old: _alike(old, values[argument, path]) if (argument, path) in values else old

    changed = {argument for argument, _ in values}
    arguments = {
        name: rebuild(value, put(name)) if name in changed else value for name, value in case.arguments.items()
    }
    leaves = tuple(
        replace(leaf, value=values[leaf.argument, leaf.path].astype(leaf.value.dtype))
        if (leaf.argument, leaf.path) in values
        else leaf
        for leaf in case.leaves
    )
    return replace(case, arguments=arguments, leaves=leaves)


def nearby(case: Case, size: float, rng: np.random.Generator) -> Case:
    """The case with every floating entry off by up to this share of itself, or of one where it is zero."""

    def moved(value: Array) -> Array:
        wide = value.astype(np.complex128 if value.dtype.kind == "c" else np.float64)
        offsets = size * rng.uniform(-1, 1, value.shape)
        return np.asarray(np.where(wide == 0, offsets, wide * (1 + offsets)))

    return with_values(case, {(leaf.argument, leaf.path): moved(leaf.value) for leaf in case.leaves})


def _alike(old: Any, values: Array) -> Any:
    if isinstance(old, np.ndarray):
        return values.astype(old.dtype)
    if isinstance(old, np.generic):
        return old.dtype.type(values[()])
    if isinstance(old, (float, complex)):
        return type(old)(values[()])
    import jax.numpy as jnp

    return jnp.asarray(values.astype(old.dtype))


def _patterns(case: Case, specification: Specification, name: str) -> list[tuple[Pattern, float | None]]:
    """The patterns of one differentiable argument, with their magnitudes."""
    leaves = [leaf.value for leaf in case.leaves if leaf.argument == name and leaf.value.size]
    if not leaves:
        return []
    shape = specification.shapes.get(name)
    domain = _domain(shape, leaves)
    chosen = shape is not None and (specification.make is not None or _is_given(shape))
    limits = [patterns.limits(leaf.dtype) for leaf in leaves]
    narrowest = min(limits, key=lambda one: one.logarithm)
    is_complex = any(leaf.dtype.kind == "c" for leaf in leaves)
    denormals = not case.layer.uses_jax  # XLA computes with zeros in their place
    found = patterns.patterns(domain, narrowest, chosen=chosen, is_complex=is_complex, denormals=denormals)
    return list(found)


def _is_given(shape: ArgumentShape) -> bool:
    return shape.source in ("--arg", "layer(inputs=)") and bool(shape.values)


def _domain(shape: ArgumentShape | None, values: Sequence[Array]) -> str:
    """The domain that is declared; else what the drawn values are like, for a draw may have been moved into one."""
    if shape is not None and shape.domain:
        return shape.domain
    if any(value.dtype.kind == "c" for value in values):
        return ""
    if not all((value > 0).all() for value in values):
        return ""
    return "unit" if all((value < 1).all() for value in values) else "positive"


def _is_parameter(case: Case, name: str) -> bool:
    argument = next(one for one in case.layer.arguments if one.name == name)
    return argument.role is not Role.INPUT or names.role(name) in ("weight", "bias", "feature")


def _integer_extremes(case: Case, specification: Specification) -> Iterator[Extreme]:
    """Labels and indices at their bounds, and all the same."""
    for name, shape in specification.shapes.items():
        value = case.arguments.get(name)
        drawn = np.asarray(value if hasattr(value, "dtype") else None)
        if drawn.dtype.kind not in "iu" or not drawn.size or shape.kind == "config":
            continue
        if shape.domain == "one-hot":
            yield Extreme("one label for all", (name,), None, {name: patterns.first_class()})
            continue
        low, high = int(drawn.min()), int(drawn.max())
        if shape.kind == "integer" and shape.values and specification.make is None and not _is_given(shape):
            bound = evaluate(shape.values[0], case.dimensions) if not isinstance(shape.values[0], np.ndarray) else None
            low, high = (0, bound - 1) if bound is not None and bound > high else (low, high)
        for words, pattern in patterns.integers(low, high):
            yield Extreme(words, (name,), None, {name: pattern})


def rounded(magnitude: float, digits: int, *, up: bool) -> float:
    """The magnitude to so many significant digits, away from one where `up`, towards it otherwise."""
    if magnitude == 0 or not math.isfinite(magnitude):
        return magnitude
    unit = 10.0 ** (math.floor(math.log10(abs(magnitude))) - digits + 1)
    steps = magnitude / unit
    return float(f"{(math.ceil(steps) if up else math.floor(steps)) * unit:.{digits}g}")
