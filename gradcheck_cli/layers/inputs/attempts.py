"""Proposed shapes tried against the forward, and against the backward where the forward takes them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape, Specification
from gradcheck_cli.layers.inputs import trials
from gradcheck_cli.layers.inputs.bounds import resolve_bounds
from gradcheck_cli.layers.inputs.building import as_given, build, floating_leaves
from gradcheck_cli.layers.inputs.candidates import Proposal
from gradcheck_cli.layers.inputs.dimensions import evaluate, names_in
from gradcheck_cli.layers.inputs.feasibility import group_count
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer, Layer
from gradcheck_cli.layers.options import InputOptions

_OTHER_SIZES = (13, 15, 17, 19, 21, 23, 14, 18, 22, 26)

_WANTS_INTEGERS = re.compile(r"(?<!Python )integer|slice indices|index array")
"""How an index that is no integer is refused; `Python integer 300 out of bounds` is something else."""

_NO_SHAPE_MENDS = (NameError, ImportError, NotImplementedError)
"""What a forward raises whatever its inputs are: the thing to say where no shapes made it run."""


@dataclass
class Success:
    """A proposal that the forward takes; `fits` says how the backward's gradients do (`fits`, `misfits`, ...)."""

    cost: float
    shapes: dict[str, ArgumentShape]
    sizes: dict[str, int]
    fits: str
    square: bool


@dataclass
class Attempts:
    """Tries proposals for one layer until the deadline, and remembers what stood in the way."""

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
    ) -> Iterator[Success | float]:
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

    def is_right(self, success: Success) -> bool:
        """Whether the backward gives the slope of the forward along one direction, at these shapes."""
        specification = replace(self.known, shapes=success.shapes)
        arguments = build(self.layer, specification, self.bound, self.options, success.sizes, 0)
        names = self._differentiable(arguments)
        return trials.is_slope(self.bound, as_given(self.layer, arguments), names, self.layer.unit_upstream)

    def _sizes(self, shapes: Mapping[str, ArgumentShape], table: Mapping[str, int]) -> dict[str, int]:
        sizes = {**table, **self.known.sizes, **self.options.dimensions}
        groups = group_count(self.known, 0)
        multiples = tuple(groups * (_OTHER_SIZES[0] // groups + k) for k in range(1, len(_OTHER_SIZES) + 1))
        others = iter((_OTHER_SIZES if groups == 1 else multiples) * 3)
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

    def _try(self, proposal: Proposal, shapes: dict[str, ArgumentShape], sizes: dict[str, int]) -> Success | float:
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
        differentiable = self._differentiable(arguments)
        if not differentiable:
            return proposal.cost
        unit = self.layer.unit_upstream
        gradients = trials.run_backward(self.bound, attempt, differentiable, unit)
        fits = _fit(gradients, arguments, differentiable)
        return Success(proposal.cost, shapes, sizes, fits, proposal.square)

    def _differentiable(self, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(
            argument.name
            for argument in self.layer.arguments
            if argument.differentiated and floating_leaves(arguments[argument.name])
        )


def _concrete(shape: ArgumentShape, sizes: Mapping[str, int]) -> Any:
    axes = tuple(evaluate(axis, sizes) for axis in shape.dimensions or ())
    return shape.kind, axes, shape.domain, tuple(map(str, shape.values))


def _fit(backward: BackwardResult | None, arguments: Mapping[str, Any], differentiable: Sequence[str]) -> str:
    """`fits` where a gradient came back for each argument, in its shape, and no more; else how it does not.

    One that is None has no shape to tell by: JAX takes it for zero. Where none has, nothing fits.
    """
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
    told = [name for name in differentiable if backward.gradients.get(name) is not None]
    arrays = [name for name in told if isinstance(arguments[name], np.ndarray)]
    wrong = any(np.shape(backward.gradients[name]) != arguments[name].shape for name in arrays)
    return "misfits" if wrong or not told else "fits"
