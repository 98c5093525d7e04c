"""Sizes, settings and value domains with which a layer's forward runs and stays finite."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape, Specification
from gradcheck_cli.layers.inputs import names, trials
from gradcheck_cli.layers.inputs.building import as_given, build, generator_for
from gradcheck_cli.layers.inputs.dimensions import Dimensions, names_in
from gradcheck_cli.layers.inputs.sizes import FEW_STEPS, MANNERS, Manner, assignments, multiples_of
from gradcheck_cli.layers.layer import BoundLayer, Layer, Role
from gradcheck_cli.layers.leaves import walk
from gradcheck_cli.layers.options import InputOptions

DOMAINS = ("positive", "unit", "negative", "simplex", "definite")
"""Tried in this order where the forward is not finite; `ArgumentShape.domain` says what each is."""

_MOST_GROUPS = 8

_SAID = {
    "positive": "positive values",
    "unit": "values between 0 and 1",
    "negative": "negative values",
    "simplex": "rows that sum to one",
    "definite": "a symmetric positive definite matrix",
}


@dataclass(frozen=True)
class Feasible:
    """One draw with which the forward ran.

    Attributes:
        arguments: NumPy values, by name.
        sizes: by dimension name.
        attempt: how the forward went.
        said: what is unusual about the sizes, or "".
    """

    arguments: Mapping[str, Any]
    sizes: Mapping[str, int]
    attempt: trials.Attempt
    said: str = ""


def first_that_runs(
    layer: Layer,
    specification: Specification,
    bound: BoundLayer,
    options: InputOptions,
    index: int,
    *,
    batch_of_one: frozenset[str] = frozenset(),
    setting: int | None = None,
    finite: bool = False,
    manners: Sequence[Manner] = MANNERS,
    few_steps: bool = False,
) -> Feasible | UserError | None:
    """The first sizes with which the forward of draw `index` runs; a few ways are tried.

    Where none does: the user's own error at the first sizes, or None where it raised nothing but has no floating
    output. With `finite`, sizes at which an output is not finite do not count; with `few_steps`, sizes at which loops
    take few steps come first.
    """
    first_error: UserError | None = None
    without_output = False
    if few_steps:
        manners = (FEW_STEPS, *manners)
    if (
        manners[-1:] == MANNERS[-1:]
        and (groups := group_count(specification, index if setting is None else setting)) > 1
    ):
        manners = (*multiples_of(groups, manners[0]), *manners)
    generator = generator_for(options, layer, "sizes", 0)
    fixed = {**specification.sizes, **options.dimensions}
    for sizes, said in assignments(
        list(every_shape(specification)),
        fixed,
        specification.derived,
        generator,
        index,
        batch_of_one,
        manners,
        has_window(specification),
    ):
        try:
            arguments = build(layer, specification, bound, options, sizes, index, setting)
        except UserError as error:
            first_error = first_error or error
            continue
        except KeyError as error:
            first_error = first_error or UserError(
                f"the size of dimension {error} is not known",
                code="GC503",
                path=layer.path,
                line=layer.forward_line,
                mend=f"--dim {error.args[0]}=4",
            )
            continue
        attempt = trials.run_forward(bound, as_given(layer, arguments))
        if attempt.works and (attempt.finite or not finite):
            return Feasible(arguments, sizes, attempt, said)
        first_error = first_error or attempt.error
        without_output |= attempt.result is not None and attempt.floating == 0
        if without_output:
            break
    return None if without_output or first_error is None else first_error


def settle_domains(
    layer: Layer,
    specification: Specification,
    bound: BoundLayer,
    options: InputOptions,
    sizes: Mapping[str, int],
    index: int,
) -> tuple[Specification, str] | None:
    """The specification with the domains that make the forward finite, and a sentence; None where none does.

    Each floating argument alone, then all of them: positive, inside (0, 1), negative, rows that sum to one,
    positive definite.
    """
    free = [name for name, shape in specification.shapes.items() if _has_free_values(shape)]
    groups: list[tuple[str, ...]] = [(name,) for name in free]
    groups += itertools.islice(itertools.combinations(free, 2), 6)
    if len(free) > 2:
        groups.append(tuple(free))
    for domain, group in itertools.product(DOMAINS, groups):
        if len(group) > 1 and domain == "definite":
            continue
        shapes = {
            name: replace(shape, domain=domain) if name in group else shape
            for name, shape in specification.shapes.items()
        }
        changed = replace(specification, shapes=shapes)
        try:
            arguments = build(layer, changed, bound, options, sizes, index)
        except (UserError, KeyError):
            continue
        attempt = trials.run_forward(bound, as_given(layer, arguments))
        if attempt.works and attempt.finite:
            listed = " and ".join(f"`{name}`" for name in group)
            return changed, f"{listed} drawn as {_SAID[domain]}: with other values the forward is not finite"
    return None


def every_shape(specification: Specification) -> Iterator[Dimensions]:
    """The axes of every array and size in a specification, those inside pytrees and configurations included.

    Sizes that a layer is given are also one shape together: it makes arrays of them, which are not to be square.
    """
    for shape in specification.shapes.values():
        for part in (shape, *(leaf for _, leaf in walk(shape.template) if isinstance(leaf, ArgumentShape))):
            if part.dimensions is not None:
                yield part.dimensions
            if part.kind == "integer" and part.values and isinstance(part.values[0], str):
                yield (part.values[0],)
            if part.kind == "config":
                for value in part.values:
                    for _, leaf in walk(value):
                        if (dimensions := getattr(leaf, "dimensions", None)) is not None and not isinstance(
                            leaf, np.ndarray
                        ):
                            yield tuple(dimensions)
    yield tuple(
        axis for shape in specification.shapes.values() if shape.kind == "size" for axis in shape.dimensions or ()
    )


def batch_names(layer: Layer, specification: Specification) -> frozenset[str]:
    """Names of the dimensions that count examples: by their name, or leading in all inputs and in no parameter."""
    leading: list[str] = []
    elsewhere: set[str] = set()
    for argument in layer.arguments:
        shape = specification.shapes[argument.name]
        if not shape.dimensions or shape.kind == "size":
            elsewhere.update(names_in(shape.dimensions or ()))
            continue
        parameter = argument.role is not Role.INPUT or names.role(argument.name) in ("weight", "bias", "feature")
        first = shape.dimensions[0]
        if not parameter and isinstance(first, str) and len(shape.dimensions) + (shape.kind == "integer") > 1:
            leading.append(first)
        elsewhere.update(names_in(shape.dimensions if parameter else shape.dimensions[1:]))
    every = {name for shape in every_shape(specification) for name in names_in(shape)}
    # `n` and `m` count examples only where they lead; as the inner axes of matrices they are widths.
    named = {
        name for name in every if name in names.BATCH and (name not in elsewhere or name not in ("n", "m", "b", "B"))
    }
    if named:
        return frozenset(named & (set(leading) | {name for name in named if name not in elsewhere} | {"N"}))
    common = {name for name in leading if name not in elsewhere}
    return frozenset(common) if len(common) == 1 else frozenset()


def has_window(specification: Specification) -> bool:
    """Whether a setting is the width of a window of more than one: `kernel_size=3`, `{"pool_height": 2}`."""
    settings = (
        (str((name, *path)[-1]) if not path or isinstance(path[-1], str) else name, leaf)
        for name, shape in specification.shapes.items()
        if shape.kind == "config" and shape.values
        for path, leaf in walk(shape.values[0])
    )
    return any(names.is_window(name) and type(leaf) is int and leaf > 1 for name, leaf in settings)


def group_count(specification: Specification, setting: int) -> int:
    """How many groups or heads the settings ask channels to be divided into: their least common multiple, 1 for none.

    A forward that reshapes may take channels that do not divide, and mix examples; its backward then raises.
    """
    count = 1
    for name, shape in specification.shapes.items():
        if shape.kind != "config" or not shape.values:
            continue
        value = shape.values[setting % len(shape.values)]
        for path, leaf in walk(value):
            if names.is_group_count(str((name, *path)[-1])) and isinstance(leaf, int) and 1 < leaf <= _MOST_GROUPS:
                count = math.lcm(count, leaf)
    return count if count <= _MOST_GROUPS else 1


def _has_free_values(shape: ArgumentShape) -> bool:
    return shape.kind in ("float", "tree") and not shape.values and shape.domain in ("", "positive", "unit")
