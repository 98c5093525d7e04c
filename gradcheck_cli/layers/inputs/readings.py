"""What was said of a layer, read so that its forward runs: relations of sizes, kinds, settings, domains of values."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape, Specification
from gradcheck_cli.layers.inputs import names
from gradcheck_cli.layers.inputs.bounds import FIRST_AXIS, LAST_AXIS, resolve_bounds
from gradcheck_cli.layers.inputs.dimensions import names_in, shown
from gradcheck_cli.layers.inputs.feasibility import Feasible, every_shape, first_that_runs, settle_domains
from gradcheck_cli.layers.inputs.inference import nothing_to_differentiate
from gradcheck_cli.layers.inputs.sizes import EQUAL
from gradcheck_cli.layers.layer import BoundLayer, Layer
from gradcheck_cli.layers.options import InputOptions


def feasible(
    layer: Layer,
    options: InputOptions,
    bound: BoundLayer,
    specification: Specification,
    tried: Mapping[str, int] | None = None,
) -> Specification:
    """The specification with which the forward runs and is finite: relations between sizes, kinds, settings, domains.

    `tried`: sizes with which it is known to run, where shapes were inferred; a width that a layer fixes for itself
    (a model of layers of fixed sizes) is kept at the size found.

    Raises:
        UserError: GC502, with the user's own error, the shapes, and where they came from.
    """
    outcome = first_that_runs(layer, specification, bound, options, 0)
    if not isinstance(outcome, Feasible):
        for changed, note in (
            *_fixed_sizes(specification, tried or {}),
            *_other_readings(layer, specification),
            *_one_size(layer, specification),
        ):
            again = first_that_runs(layer, changed, bound, options, 0)
            if isinstance(again, Feasible):
                outcome = again
                specification = replace(changed, notes=(*changed.notes, *([note] if note else [])))
                break
    if isinstance(outcome, UserError):
        alike = first_that_runs(layer, specification, bound, options, 0, manners=(EQUAL,))
        raise refused(layer, outcome, _origins(specification), isinstance(alike, Feasible))
    if outcome is None:
        raise nothing_to_differentiate(layer)
    specification = _fitting_settings(layer, specification, bound, options)
    if outcome.attempt.finite:
        return specification
    settled = settle_domains(layer, specification, bound, options, outcome.sizes, 0)
    if settled is None:
        if outcome.attempt.empty:
            return specification
        return replace(specification, notes=(*specification.notes, "the forward is not finite at any inputs tried"))
    return replace(settled[0], notes=(*specification.notes, settled[1]))


def _one_size(layer: Layer, specification: Specification) -> Iterator[tuple[Specification, str]]:
    """Names of a docstring and sizes that a constructor takes, read as one: `x: (N, D)` beside `input_dim`."""
    shapes = specification.shapes
    taken = {argument.name: shapes[argument.name] for argument in layer.arguments}
    sizes = [name for name, shape in taken.items() if shape.kind == "size" and shape.dimensions == (name,)]
    axes = dict.fromkeys(name for shape in every_shape(specification) for name in names_in(shape))
    known = {*sizes, *names.BATCH, *specification.derived}
    free = [name for name in axes if name not in known]
    together = (
        tuple(zip(some, several))
        for count in range(1, min(len(free), len(sizes)) + 1)
        for some in itertools.combinations(free, count)
        for several in itertools.permutations(sizes, count)
    )
    for pairs in itertools.islice(together, _MOST_PAIRINGS):
        said = ", ".join(f"{name} taken as {size}" for name, size in pairs)
        note = f"{said}: the forward runs with no other size tried"
        given = {size: specification.sizes[name] for name, size in pairs if name in specification.sizes}
        derived = {**specification.derived, **dict(pairs)}
        yield replace(specification, sizes={**given, **specification.sizes}, derived=derived), note


_MOST_PAIRINGS = 60


def _fixed_sizes(specification: Specification, tried: Mapping[str, int]) -> Iterator[tuple[Specification, str]]:
    """One size after the other, then all, kept as they were tried."""
    used = [name for dimensions in every_shape(specification) for name in names_in(dimensions) if name in tried]
    used = list(dict.fromkeys(used))
    for kept in (*((name,) for name in used), *itertools.combinations(used, 2), tuple(used)):
        sizes = {name: tried[name] for name in kept}
        shown_sizes = ", ".join(f"{name}={size}" for name, size in sizes.items())
        note = f"{shown_sizes} in every draw: the forward does not run with the other sizes tried"
        if kept:
            yield replace(specification, sizes={**specification.sizes, **sizes}), note


def _other_readings(layer: Layer, specification: Specification) -> list[tuple[Specification, str]]:
    """Other ways to read what was said: a product of axes that nobody wrote down, targets that are labels."""
    readings: list[tuple[Specification, str]] = []
    axes = list(dict.fromkeys(name for shape in every_shape(specification) for name in names_in(shape)))
    series = [name for name in axes if re.fullmatch(r"[A-Za-z]+_?[12]", name)]
    if len(series) == 2:
        for name in axes:
            if name not in series and name not in names.BATCH and name not in specification.derived:
                derived = {**specification.derived, name: "*".join(series)}
                note = f"{name} taken as {' * '.join(series)}: the forward runs with no other size tried"
                readings.append((replace(specification, derived=derived), note))
    named = [name[:-2] for name in axes if name.endswith("_1") and f"{name[:-2]}_2" in axes and name != "batch_1"]
    if {"batch_1", "batch_2"} <= set(axes) and len(named) == 1:
        derived = {**specification.derived, "batch_1": f"{named[0]}_1", "batch_2": f"{named[0]}_2"}
        readings.append((replace(specification, derived=derived), f"`...` taken as `*{named[0]}`"))
    for name, shape in specification.shapes.items():
        square = (
            shape.kind == "float"
            and len(shape.dimensions or ()) >= 2
            and (shape.dimensions or ())[-1:] == (shape.dimensions or ())[-2:-1]
        )
        if square and not shape.values and shape.domain != "definite":
            shapes = {**specification.shapes, name: replace(shape, domain="definite")}
            note = f"`{name}` drawn symmetric positive definite: the forward does not run with others"
            readings.append((replace(specification, shapes=shapes), note))
    targets = [
        argument.name
        for argument in layer.arguments
        if specification.shapes[argument.name].kind == "float"
        and (names.is_label(argument.name) or names.is_index(argument.name))
        and not specification.shapes[argument.name].values
    ]
    for count in range(1, len(targets) + 1):
        for group in itertools.combinations(targets, count):
            shapes = dict(specification.shapes)
            for name in group:
                bound = LAST_AXIS if names.is_label(name) else FIRST_AXIS
                domain = "" if names.is_label(name) else "repeated"
                shapes[name] = replace(shapes[name], kind="integer", values=(bound,), domain=domain)
            shapes = resolve_bounds([argument.name for argument in layer.arguments], shapes)
            listed = " and ".join(f"`{name}`" for name in group)
            readings.append(
                (replace(specification, shapes=shapes), f"{listed} drawn as integers: the forward needs them")
            )
    return readings


def _fitting_settings(
    layer: Layer, specification: Specification, bound: BoundLayer, options: InputOptions
) -> Specification:
    """Only the configurations with which some sizes run; the first is known to."""
    count = max((len(shape.values) for shape in specification.shapes.values() if _has_settings(shape)), default=1)
    if count < 2 or options.draws < 2:
        return specification
    fitting = [
        setting
        for setting in range(count)
        if setting == 0
        or isinstance(first_that_runs(layer, specification, bound, options, 0, setting=setting), Feasible)
    ]
    shapes = {
        name: replace(shape, values=tuple(shape.values[k % len(shape.values)] for k in fitting))
        if _has_settings(shape)
        else shape
        for name, shape in specification.shapes.items()
    }
    return replace(specification, shapes=shapes)


def _has_settings(shape: ArgumentShape) -> bool:
    return shape.kind == "config" and len(shape.values) > 1


def _origins(specification: Specification) -> str:
    parts = [
        f"{name} {shown(shape.dimensions, {})} ({shape.source})"
        for name, shape in specification.shapes.items()
        if shape.dimensions is not None and shape.kind != "size"
    ]
    return f"with the shapes {', '.join(parts)}" if parts else "with these inputs"


def refused(layer: Layer, error: UserError, circumstance: str, runs_when_equal: bool = False) -> UserError:
    """The user's own error, with the shapes it happened at and where they came from."""
    mend = error.mend
    if mend is None and isinstance(error.__cause__, (ValueError, IndexError, AssertionError)):
        mend = "mend the forward, or say the shapes it takes: `--shape NAME=N,D`"
    if runs_when_equal:
        mend = (
            "the forward runs where all sizes are equal: two names are one dimension, or a shape has its axes the "
            "wrong way round; mend the shapes where they are written, or say them: `--shape NAME=N,D`"
        )
    return UserError(
        f"the forward of `{layer.name}` does not run {circumstance}: {error.message}",
        code=error.code or "GC502",
        path=error.path or layer.path,
        line=error.line if error.line is not None else layer.forward_line,
        mend=mend,
        argument=error.argument,
    )
