"""Shapes by trial: where nothing says what shape an argument has, small ones are tried against the forward."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape, Specification
from gradcheck_cli.layers.inputs import names, trials
from gradcheck_cli.layers.inputs.bounds import resolve_bounds
from gradcheck_cli.layers.inputs.building import as_given, build, floating_leaves
from gradcheck_cli.layers.inputs.candidates import Proposal, proposals
from gradcheck_cli.layers.inputs.dimensions import evaluate, names_in, shown, written
from gradcheck_cli.layers.inputs.forward_source import ForwardSource
from gradcheck_cli.layers.layer import Argument, BackwardResult, BoundLayer, Layer, Role
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

_NAMES = "N D M H W C F T HH WW H1 H2 H3 K V".split()
_TABLES: tuple[Mapping[str, int], ...] = (
    dict(zip(_NAMES, (4, 5, 3, 6, 7, 8, 9, 2, 2, 3, 10, 11, 12, 2, 10))),
    dict(zip(_NAMES, (3, 8, 4, 6, 10, 4, 2, 5, 2, 2, 12, 14, 16, 3, 9))),
    dict(zip(_NAMES, (3, 5, 7, 6, 6, 4, 2, 4, 3, 3, 10, 11, 12, 3, 8))),
)
"""Sizes to try with: all different; then even ones, for windows and groups; then square images."""
_OTHER_SIZES = (13, 15, 17, 19, 21, 23, 14, 18, 22, 26)


_WANTS_INTEGERS = re.compile(r"(?<!Python )integer|slice indices|index array")
"""How an index that is no integer is refused; `Python integer 300 out of bounds` is something else."""

_BINARY = re.compile(r"sigmoid|binary|bce|logistic|bernoulli", re.IGNORECASE)
"""Names of losses whose labels are 0 or 1, one for each score."""

_NO_SHAPE_MENDS = (NameError, ImportError, NotImplementedError)
"""What a forward raises whatever its inputs are: the thing to say where no shapes made it run."""


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
    search = _Search(layer, bound, options, known, deadline)
    best = None
    for width in _own_widths(layer, bound, known):
        best = best or _choose(search, unknown, source, kinds, {**_TABLES[0], "D": width}, FEW)
    best = best or _choose(search, unknown, source, kinds, _TABLES[0], TRIALS)
    if best is None and search.index_errors:
        for name in _could_be_indices(unknown, kinds):
            search.index_errors = 0
            best = best or _choose(search, unknown, source, {**kinds, name: "integer"}, _TABLES[0], TRIALS // 4)
    for table in _TABLES[1:]:
        best = best or _choose(search, unknown, source, kinds, table, TRIALS // 4)
    if best is not None:
        shapes, sizes = best
        return Inferred(shapes, _note(unknown, shapes, sizes), sizes)
    if search.unmendable is not None:
        raise search.unmendable
    if search.without_output:
        raise nothing_to_differentiate(layer)
    raise _impossible(layer, unknown, search.last_error)


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


@dataclass
class _Success:
    cost: float
    shapes: dict[str, ArgumentShape]
    sizes: dict[str, int]
    fits: str
    square: bool


@dataclass
class _Search:
    layer: Layer
    bound: BoundLayer
    options: InputOptions
    known: Specification
    deadline: float
    last_error: UserError | None = None
    without_output: int = 0
    index_errors: int = 0
    unmendable: UserError | None = None

    def successes(
        self,
        candidates: Iterator[Proposal],
        table: Mapping[str, int],
        budget: int,
    ) -> Iterator[_Success | float]:
        """Proposals that the forward takes, in order of cost; a float for one that it does not (its cost)."""
        tried: set[Any] = set()
        order = [argument.name for argument in self.layer.arguments]
        for proposal in candidates:
            if budget <= 0 or time.perf_counter() > self.deadline:
                return
            shapes = resolve_bounds(order, {**self.known.shapes, **proposal.shapes})
            sizes = self._sizes(shapes, table)
            concrete = tuple((name, _concrete(shapes[name], sizes)) for name in proposal.shapes)
            if concrete in tried:
                continue
            tried.add(concrete)
            budget -= 1
            yield self._try(proposal, shapes, sizes)

    def _sizes(self, shapes: Mapping[str, ArgumentShape], table: Mapping[str, int]) -> dict[str, int]:
        sizes = {**table, **self.known.sizes, **self.options.dimensions}
        others = iter(_OTHER_SIZES * 3)
        for shape in shapes.values():
            for name in names_in(shape.dimensions or ()):
                if name not in sizes:
                    sizes[name] = next(others)
            sizes.setdefault("...", 3)
        for name, expression in self.known.derived.items():
            value = evaluate(expression, sizes)
            if value is not None:
                sizes[name] = value
        return sizes

    def _try(self, proposal: Proposal, shapes: dict[str, ArgumentShape], sizes: dict[str, int]) -> _Success | float:
        specification = replace(self.known, shapes=shapes)
        try:
            arguments = build(self.layer, specification, self.bound, self.options, sizes, 0)
        except (UserError, KeyError) as error:
            self.last_error = error if isinstance(error, UserError) else self.last_error
            return proposal.cost
        given = as_given(self.layer, arguments)
        if self.layer.uses_jax and (refused := trials.refused_by_shape(self.bound, given)) is not None:
            self.last_error = refused
            return proposal.cost
        attempt = trials.run_forward(self.bound, given)
        if not attempt.works:
            self.last_error = attempt.error or self.last_error
            if attempt.error is not None and isinstance(attempt.error.__cause__, _NO_SHAPE_MENDS):
                self.unmendable = self.unmendable or attempt.error
            if attempt.error is not None and _WANTS_INTEGERS.search(attempt.error.message):
                self.index_errors += 1
            self.without_output += attempt.error is None
            return proposal.cost
        differentiable = tuple(
            argument.name
            for argument in self.layer.arguments
            if argument.differentiated and floating_leaves(arguments[argument.name])
        )
        if not differentiable:
            return proposal.cost
        unit = self.layer.unit_upstream
        gradients = trials.run_backward(self.bound, attempt, differentiable, unit)
        fits = _fit(gradients, arguments, differentiable)
        return _Success(proposal.cost, shapes, sizes, fits, proposal.square)


def _choose(
    search: _Search,
    unknown: Sequence[Argument],
    source: ForwardSource,
    kinds: Mapping[str, str],
    table: Mapping[str, int],
    budget: int,
) -> tuple[dict[str, ArgumentShape], dict[str, int]] | None:
    binary = bool(_BINARY.search(search.layer.name))
    candidates = proposals(unknown, search.known.shapes, source, kinds, binary)
    first: _Success | None = None
    for outcome in search.successes(candidates, table, budget):
        cost = outcome if isinstance(outcome, float | int) else outcome.cost
        if first is not None and cost > first.cost + (MISFIT if first.fits == "misfits" else RAISING):
            break
        if not isinstance(outcome, _Success):
            if first is None and search.index_errors >= INDEX_ERRORS:
                return None
            continue
        if first is None:
            first = outcome
        chosen = outcome.fits == "fits" and (outcome is first or not outcome.square)
        if chosen:
            return _of_unknown(outcome, unknown), outcome.sizes
    return None if first is None else (_of_unknown(first, unknown), first.sizes)


def _of_unknown(success: _Success, unknown: Sequence[Argument]) -> dict[str, ArgumentShape]:
    return {argument.name: success.shapes[argument.name] for argument in unknown}


def _concrete(shape: ArgumentShape, sizes: Mapping[str, int]) -> Any:
    axes = tuple(evaluate(axis, sizes) for axis in shape.dimensions or ())
    return shape.kind, axes, shape.domain, tuple(map(str, shape.values))


def _fit(backward: BackwardResult | None, arguments: Mapping[str, Any], differentiable: Sequence[str]) -> str:
    """`fits` where a gradient came back for each argument, in its shape, and no more; else how it does not."""
    if backward is None:
        return "raises"
    returned, expected = backward.returned, backward.expected
    beyond = [name for name, gradient in backward.gradients.items() if gradient is not None and name in arguments]
    if (
        set(beyond) - set(differentiable)
        or backward.surplus
        or (returned is not None and expected is not None and returned > expected)
    ):
        return "surplus"
    for name in differentiable:
        value, gradient = arguments[name], backward.gradients.get(name)
        if gradient is None or (isinstance(value, np.ndarray) and np.shape(gradient) != value.shape):
            return "misfits"
    return "fits"


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


def _impossible(layer: Layer, unknown: Sequence[Argument], last: UserError | None) -> UserError:
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
            f"or `layer(..., inputs={{{declared}}})`"
        ),
        argument=wanted[0] if len(wanted) == 1 else None,
    )
