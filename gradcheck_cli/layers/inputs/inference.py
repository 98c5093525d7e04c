"""Shapes by trial: where nothing says what shape an argument has, small ones are tried against the forward."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape, Specification
from gradcheck_cli.layers.inputs import names, trials
from gradcheck_cli.layers.inputs.attempts import Attempts, Success
from gradcheck_cli.layers.inputs.candidates import proposals
from gradcheck_cli.layers.inputs.dimensions import shown, written
from gradcheck_cli.layers.inputs.forward_source import ForwardSource
from gradcheck_cli.layers.layer import Argument, BoundLayer, Layer, Role
from gradcheck_cli.layers.options import InputOptions

TRIALS = 400
"""How many shapes are tried at most."""

FEW = 4
"""How many are tried for a width that may be the wrong one of two: the most usual shapes only."""

SECONDS = (6.0, 10.0)
"""How long that may take for NumPy, and for JAX, which compiles each operation for each new shape. Far more than the
trials of a usual layer need: what is inferred must not hang on how busy the machine is."""

INDEX_ERRORS = 8
"""After so many complaints that an index is no integer, integers are tried before any more floats."""

RAISING = 0.9
"""How much more unusual a proposal may be when the backward raises on the first one that the forward takes, or
returns more gradients than it has floating arguments (one taken for labels is none)."""

MISFIT = 0.25
"""How much more when the backward only returns other shapes: enough for `(1, M)` in place of `(M,)`, too little for
`(N, M)`, for which a bias gradient that lacks its sum would fit."""

UNUSUAL = 1.7
"""How much more where the backward raised on the usual shapes and is wrong at the first that it takes: a softmax of one
column is right at `(D, 1)`, and is none at `(D,)`."""

_NAMES = "N D M H W C F T HH WW H1 H2 H3 K V".split()
_TABLES: tuple[Mapping[str, int], ...] = (
    dict(zip(_NAMES, (4, 5, 3, 6, 7, 8, 9, 2, 2, 3, 10, 11, 12, 2, 10))),
    dict(zip(_NAMES, (3, 8, 4, 6, 10, 4, 2, 5, 2, 2, 12, 14, 16, 3, 9))),
    dict(zip(_NAMES, (3, 5, 7, 6, 6, 4, 2, 4, 3, 3, 10, 11, 12, 3, 8))),
)
"""Sizes to try with: all different; then even ones, for windows and groups; then square images."""

_BINARY = re.compile(r"sigmoid|binary|bce|logistic|bernoulli", re.IGNORECASE)
"""Names of losses whose labels are 0 or 1, one for each score."""


@dataclass(frozen=True)
class Inferred:
    """What trying gave.

    Attributes:
        shapes: of the arguments that nothing described.
        note: how to say it to the reader.
        sizes: by dimension name, those that it was tried with.
    """

    shapes: Mapping[str, ArgumentShape]
    note: str
    sizes: Mapping[str, int] = field(default_factory=dict)


def infer(
    layer: Layer,
    bound: BoundLayer,
    options: InputOptions,
    unknown: Sequence[Argument],
    known: Specification,
    source: ForwardSource,
    kinds: Mapping[str, str],
) -> Inferred:
    """Shapes for the arguments `unknown` with which the forward runs, and the backward's gradients fit.

    Usual shapes for usual names are tried first, then all combinations of a few ranks and shared dimensions, the
    more usual first. Sizes differ, so that a wrong assignment raises. The first that the forward takes is kept; where
    the backward does not fit it, a nearly as usual one that fits both is kept instead.

    Raises:
        UserError: GC503, where no shapes work, or several work equally well and nothing tells them apart.
    """
    deadline = time.perf_counter() + SECONDS[layer.uses_jax]
    search = Attempts(layer, bound, options, known, deadline)
    best = None
    for width in _own_widths(layer, bound, known):
        best = best or _choose(search, unknown, source, kinds, {**_TABLES[0], "D": width}, FEW)
    best = best or _choose(search, unknown, source, kinds, _TABLES[0], TRIALS)
    if best is None and search.index_errors:
        for name in _could_be_indices(unknown, kinds):
            search.index_errors = 0
            best = best or _choose(search, unknown, source, {**kinds, name: "integer"}, _TABLES[0], TRIALS // 4)
    if best is None and search.without_output:
        for name in _integers_by_name(unknown, kinds):
            best = best or _choose(search, unknown, source, {**kinds, name: "float"}, _TABLES[0], TRIALS // 4)
    for table in _TABLES[1:]:
        best = best or _choose(search, unknown, source, kinds, table, TRIALS // 4)
    if best is not None:
        shapes, sizes = best
        return Inferred(shapes, _note(unknown, shapes, sizes), sizes)
    if search.unmendable is not None:
        raise search.unmendable
    if search.without_output:
        raise nothing_to_differentiate(layer)
    raise _impossible(layer, unknown, known, options.dtype, search.last_error)


def _own_widths(layer: Layer, bound: BoundLayer, known: Specification) -> list[int]:
    """Widths that the constructor gives its own parameters where nobody says them: what its inputs must have."""
    roles = {argument.role for argument in layer.arguments}
    if Role.OWN_PARAMETER not in roles or Role.SIZE in roles:
        return []
    settings = {a.name: known.shapes[a.name] for a in layer.arguments if a.role is Role.CONFIG}
    try:
        with trials.quiet():
            made = bound.initial({name: shape.values[0] if shape.values else None for name, shape in settings.items()})
    except (UserError, LookupError):
        return []
    shapes = [np.shape(value) for value in made.values()]
    return list(dict.fromkeys(size for shape in shapes[:2] for size in shape if size > 1))


def _could_be_indices(unknown: Sequence[Argument], kinds: Mapping[str, str]) -> list[str]:
    """Arguments that may hold integers, by elimination: of no kind that is known, and no parameter's name."""
    return [
        argument.name
        for argument in unknown
        if not kinds.get(argument.name) and names.role(argument.name) in ("data", "sequence")
    ]


def _integers_by_name(unknown: Sequence[Argument], kinds: Mapping[str, str]) -> list[str]:
    """Arguments that only their names make integers: `tokens` that experts are given are activations."""
    return [one.name for one in unknown if not kinds.get(one.name) and names.is_index(one.name)]


def _choose(
    search: Attempts,
    unknown: Sequence[Argument],
    source: ForwardSource,
    kinds: Mapping[str, str],
    table: Mapping[str, int],
    budget: int,
) -> tuple[dict[str, ArgumentShape], dict[str, int]] | None:
    binary = bool(_BINARY.search(search.layer.name))
    candidates = proposals(unknown, search.known.shapes, source, kinds, binary)
    first: Success | None = None
    wrong: Success | None = None
    beyond = RAISING if any(names.is_label(argument.name.lower()) for argument in unknown) else MISFIT
    for outcome in search.successes(candidates, table, budget):
        cost = outcome if isinstance(outcome, float | int) else outcome.cost
        limit = UNUSUAL if wrong is not None else RAISING
        if first is not None and cost > first.cost + (beyond if first.fits == "misfits" else limit):
            break
        if not isinstance(outcome, Success):
            if first is None and search.index_errors >= INDEX_ERRORS:
                return None
            continue
        if first is None:
            first = outcome
        chosen = outcome.fits == "fits" and (outcome is first or not outcome.square)
        if chosen and (first.fits != "misfits" or cost <= first.cost + MISFIT or _differ_in_targets(first, outcome)):
            if first.fits in ("fits", "misfits") or search.is_right(outcome):
                return _of_unknown(outcome, unknown), outcome.sizes
            wrong = wrong or outcome
    first = wrong or first
    return None if first is None else (_of_unknown(first, unknown), first.sizes)


def _differ_in_targets(one: Success, other: Success) -> bool:
    """Whether only what a loss compares with has another shape: no gradient's missing sum is hidden by that."""
    differing = [name for name, shape in one.shapes.items() if shape.dimensions != other.shapes[name].dimensions]
    return all(names.is_label(name.lower()) for name in differing)


def _of_unknown(success: Success, unknown: Sequence[Argument]) -> dict[str, ArgumentShape]:
    return {argument.name: success.shapes[argument.name] for argument in unknown}


def _note(unknown: Sequence[Argument], shapes: Mapping[str, ArgumentShape], sizes: Mapping[str, int]) -> str:
    parts = [f"{a.name} {shown(shapes[a.name].dimensions or (), sizes)}{_kind_note(shapes[a.name])}" for a in unknown]
    first = next((a.name for a in unknown if shapes[a.name].dimensions), unknown[0].name)
    line = f"--shape {first}={written(shapes[first].dimensions or ())}"
    return f"shapes inferred by trying the forward: {', '.join(parts)}; say otherwise with {line}"


def _kind_note(shape: ArgumentShape) -> str:
    if shape.domain == "one-hot":
        return " one-hot"
    return {"integer": f" integers below {shape.values[0] if shape.values else '?'}", "boolean": " booleans"}.get(
        shape.kind, ""
    )


def nothing_to_differentiate(layer: Layer) -> UserError:
    """The error for a forward that runs and returns no floating-point output."""
    return UserError(
        f"the forward of `{layer.name}` returns no floating-point output: there is nothing to differentiate",
        code="GC502",
        path=layer.path,
        line=layer.forward_line,
        mend="return the output (is it still a stub?)",
    )


def _impossible(
    layer: Layer, unknown: Sequence[Argument], known: Specification, own_dtype: str, last: UserError | None
) -> UserError:
    guessed = " ".join(f"--arg {name}=JSON" for name, shape in known.shapes.items() if shape.source == "usual value")
    also = f"; values that are guessed, too: `{guessed}`" if guessed else ""
    asked = last.message.partition("; inputs:")[0] if last is not None else ""
    dtype = next((name for name in ("float32", "bfloat16", "float16") if name in asked), "")
    also += f"; it asks for another dtype: `--dtype {dtype}`" if dtype not in ("", own_dtype) else ""
    wanted = [argument.name for argument in unknown]
    guesses = dict(zip(wanted, ("N,D", "D,M", "M", "N", "N,M", "M,K")))
    flags = " ".join(f"--shape {name}={guesses.get(name, 'N,D')}" for name in wanted)
    declared = ", ".join(f"{name!r}: {guesses.get(name, 'N,D')!r}" for name in wanted)
    listed = ", ".join(f"`{name}`" for name in wanted)
    example = guesses[wanted[0]].replace(",", ", ")
    why = f"; the last try failed: {last.message}" if last is not None else ""
    return UserError(
        f"nothing says the shapes of {listed} of `{layer.name}`, and no small shapes tried made its forward run{why}",
        code="GC503",
        path=layer.path,
        line=layer.forward_line,
        mend=(
            f"say them: `{flags}`, or in the docstring `{wanted[0]}: array of shape ({example})`, "
            f"or `layer(..., inputs={{{declared}}})`{also}"
        ),
        argument=wanted[0] if len(wanted) == 1 else None,
    )
