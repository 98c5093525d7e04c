"""Cases that are simpler than a given one: other sizes, other values, other upstream gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.checking.shrink.patterns import MOST, cyclic, scattered
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape, Case, Leaf, Specification
from gradcheck_cli.layers.inputs.building import as_given, as_numpy
from gradcheck_cli.layers.inputs.sampling import draw
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.layers.leaves import at, is_floating, rebuild, walk
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.upstream import like, widened

Array = NDArray[Any]
_FREE = ("", "positive", "unit")
"""Domains in which entries may be chosen one by one; a row that sums to one cannot."""


def of_sizes(
    case: Case,
    specification: Specification,
    bound: BoundLayer,
    options: InputOptions,
    sizes: Mapping[str, int],
) -> Case | None:
    """The same draw with these sizes; None where the forward does not run with them."""
    draws = max(options.draws, case.draw + 2)  # never the batch of one: sizes are given
    told = replace(options, dimensions={**options.dimensions, **sizes}, draws=draws)
    try:
        drawn = draw(case.layer, specification, bound, told, case.draw)
    except (UserError, KeyError, ValueError):
        return None
    if any(drawn.dimensions.get(name, size) != size for name, size in sizes.items()):
        return None
    return drawn


def free_sizes(case: Case, specification: Specification, options: InputOptions) -> dict[str, int]:
    """The sizes that may be made smaller: the user has not said them, and they follow from no others."""
    if specification.make is not None:
        return {}
    fixed = {*options.dimensions, *specification.derived}
    return {name: size for name, size in case.dimensions.items() if name not in fixed}


def simplifiable(case: Case, specification: Specification) -> tuple[int, ...]:
    """Positions of the leaves whose values may be chosen freely: drawn, and bound to nothing but a sign."""
    if specification.make is not None:
        return ()
    return tuple(position for position, leaf in enumerate(case.leaves) if _domain(leaf, specification) in _FREE)


def _domain(leaf: Leaf, specification: Specification) -> str:
    shape = specification.shapes.get(leaf.argument)
    if shape is not None and leaf.path and shape.template is not None:
        try:
            inner = at(shape.template, leaf.path)
        except (LookupError, TypeError):
            return "given"
        shape = inner if isinstance(inner, ArgumentShape) else None
    if shape is None or shape.values:
        return "given"
    return shape.domain


def of_values(case: Case, values: Mapping[int, Array]) -> Case:
    """The case with other values in some leaves, by position."""
    leaves = tuple(
        replace(leaf, value=values[position].astype(leaf.value.dtype)) if position in values else leaf
        for position, leaf in enumerate(case.leaves)
    )
    by_place = {(leaf.argument, leaf.path): leaf.value for leaf in leaves}
    arguments = {}
    for name, argument in case.arguments.items():
        if name not in case.differentiable:
            arguments[name] = argument
            continue
        plain = as_numpy(argument)

        def put(path: Any, old: Any, name: str = name) -> Any:
            new = by_place.get((name, path))
            return old if new is None else new[()] if isinstance(old, np.generic) else new

        arguments[name] = as_given(case.layer, {name: rebuild(plain, put)})[name]
    return replace(case, leaves=leaves, arguments=arguments)


def of_patterns(case: Case, positions: Sequence[int], specification: Specification) -> Case:
    """The case with long arrays that one expression makes, so that they can be written down; itself where none is long.

    Those are the leaves at these positions, and what has no gradient: labels, indices, masks, targets.
    """
    arguments = dict(case.arguments)
    for seed, (name, argument) in enumerate(case.arguments.items()):
        if name not in case.differentiable and _is_long(argument):
            arguments[name] = as_given(case.layer, {name: rebuild(as_numpy(argument), _patterned(seed))})[name]
    long = [position for position in positions if case.leaves[position].value.size > MOST]
    if not long and all(arguments[name] is case.arguments[name] for name in arguments):
        return case
    return of_values(replace(case, arguments=arguments), _scattered(case, long, specification))


def _is_long(argument: Any) -> bool:
    return any(np.size(leaf) > MOST for _, leaf in walk(argument) if hasattr(leaf, "dtype"))


def _patterned(seed: int) -> Callable[[Any, Any], Any]:
    def patterned(_: Any, old: Any) -> Any:
        if not isinstance(old, np.ndarray) or old.size <= MOST:
            return old
        if old.dtype.kind in "biu":
            return cyclic(old)
        if old.dtype.kind != "f" or bool((old == old.flat[0]).all()):
            return old
        return scattered(old.shape, "positive" if bool((old > 0).all()) else "", seed).astype(old.dtype)

    return patterned


def _scattered(case: Case, positions: Sequence[int], specification: Specification) -> dict[int, Array]:
    """Values for these leaves that one expression makes each, those of other leaves others."""
    return {
        position: scattered(case.leaves[position].value.shape, _domain(case.leaves[position], specification), position)
        for position in positions
        if case.leaves[position].value.dtype.kind != "c"
    }


def plain_values(case: Case, positions: Sequence[int], specification: Specification) -> Iterator[dict[int, Array]]:
    """Values for these leaves from the simplest on; zero is left out, for too much is special there."""

    def filled(make: Callable[[Array], Array]) -> dict[int, Array]:
        return {position: make(case.leaves[position].value) for position in positions}

    domains = {_domain(case.leaves[position], specification) for position in positions}
    long = _scattered(case, [k for k in positions if case.leaves[k].value.size > MOST], specification)
    if "unit" in domains:
        yield filled(lambda value: np.full(value.shape, 0.5))
        yield filled(lambda value: np.clip(np.round(value.real, 1), 0.1, 0.9)) | long
        return
    yield filled(lambda value: np.ones(value.shape))
    yield filled(lambda value: np.arange(1.0, value.size + 1).reshape(value.shape))
    if domains <= {""}:
        yield filled(lambda value: -np.ones(value.shape))
        yield filled(_alternating) | long
    yield filled(lambda value: _away_from_zero(value, 0) if value.dtype.kind != "c" else np.round(value, 0) + 1) | long
    yield filled(lambda value: _away_from_zero(value, 1) if value.dtype.kind != "c" else np.round(value, 1)) | long


def plain_elements(value: Array, domain: str) -> Iterator[tuple[tuple[int, ...], float]]:
    """An index and a simpler number for it, one after the other."""
    for index in np.ndindex(value.shape):
        here = value[index]
        for number in (0.5,) if domain == "unit" else (1.0, -1.0, 2.0) if domain == "" else (1.0, 2.0):
            if number == here:
                break
            yield index, number


def domain_of(case: Case, position: int, specification: Specification) -> str:
    """The domain of one leaf's values."""
    return _domain(case.leaves[position], specification)


def _alternating(value: Array) -> Array:
    numbers = np.arange(1.0, value.size + 1)
    return (numbers * np.where(numbers % 2 == 0, -1, 1)).reshape(value.shape)


def _away_from_zero(value: Array, decimals: int) -> Array:
    """Rounded to so many decimals; what would become zero becomes the smallest number of its sign."""
    wide = np.asarray(value, dtype=np.float64)
    rounded = np.round(wide, decimals)
    smallest = 10.0**-decimals
    return np.where(rounded == 0, np.where(wide < 0, -smallest, smallest), rounded)


def of_upstream(upstream: Upstream, make: Callable[[tuple[int, ...]], Array]) -> Upstream:
    """An upstream gradient whose floating leaves `make(shape)` makes; the others stay as they are."""
    flat: list[Array] = []

    def cotangent(_: Any, leaf: Any) -> Any:
        if not is_floating(leaf):
            return leaf
        mine = like(leaf, np.asarray(make(np.shape(leaf))))
        flat.append(np.array(widened(mine)))
        return mine

    return Upstream(rebuild(upstream.cotangents, cotangent), tuple(flat))
