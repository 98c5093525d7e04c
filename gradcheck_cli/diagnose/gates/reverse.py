"""The gradient of a forward with a wrong backward, values untouched: many wrong backwards in one batch.

One reverse pass, written out over the trace's steps. What a gate hands down is its upstream gradient times its local
derivative plus a change of it; what a step hands back along an edge is multiplied by a factor; at a value a further
gradient may enter. A row says all of it. What flows along an edge to all leaves is the gradient less the gradient with
that factor zero.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.edges import Edges, into_steps
from gradcheck_cli.diagnose.flows import MOST_ROWS, MOST_WORK, TOGETHER, add_to, handed_back
from gradcheck_cli.graph.operations import is_elementwise_in
from gradcheck_cli.graph.steps import Step, Steps
from gradcheck_cli.graph.values import function_of, pull_back_of, value_of
from gradcheck_cli.witnesses.reference.compiling import compile_program

Array = NDArray[Any]
At = tuple[int, int]
"""A step, by its position, and one of its operands."""


@dataclass(frozen=True)
class Row:
    """One wrong backward.

    Attributes:
        changes: by gate, what is added to its local derivative, element by element.
        entering: by value, what is added to the gradient that arrives there.
        is_alone: the upstream gradient of the outputs is zero, so that only what enters flows.
        factors: by class of edges, what the gradient along each of them is multiplied by; 1 unless given.
    """

    changes: Mapping[At, Array] = field(default_factory=dict)
    entering: Mapping[int, Array] = field(default_factory=dict)
    is_alone: bool = False
    factors: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Known:
    """A forward and its right gradient at one case: what is there, what arrives there, and how gates multiply it."""

    values: Mapping[int, Array]
    arriving: Mapping[int, Array]
    local: Mapping[At, Array]


class Reverse:
    """The compiled reverse pass of one case.

    Attributes:
        rows: of one batch.
        most: rows that one search may ask for: a large forward has fewer, or it would take minutes.

    Args:
        upstream: of the floating outputs, flattened as `Upstream.flat`.
        open_values: those at which a gradient may enter.
    """

    def __init__(
        self,
        steps: Steps,
        edges: Edges,
        leaves: Sequence[Array],
        upstream: Sequence[Array],
        open_values: Sequence[int],
        *,
        device: str,
    ) -> None:
        self._steps = steps
        # one edge of each class: a factor on it is a factor on all of the chain
        standing = {number: edge for edge, number in edges.class_of.items()}
        self._scaled = {(edge.position, edge.operand): number for number, edge in standing.items()}
        self._classes, self._edges = edges.classes, edges
        self._wanted: dict[int, tuple[int, ...]] = {}
        for edge in into_steps(edges, steps):
            self._wanted[edge.position] = (*self._wanted.get(edge.position, ()), edge.operand)
        gates = [
            (position, k)
            for position, wanted in self._wanted.items()
            for k in wanted
            if is_gate(steps.steps[position], k)
        ]
        shapes = _shapes(steps, leaves)
        places: dict[Any, tuple[int, ...]] = {at: shapes[steps.steps[at[0]].results[0]] for at in gates}
        places.update((value, shapes[value]) for value in open_values)
        size = sum(int(np.prod(shape)) for shape in (*shapes.values(), *places.values()))
        self.rows = max(1, min(MOST_ROWS, TOGETHER // max(size, 1)))
        self.most, self._size = MOST_WORK // max(size, 1), max(size, 1)
        complex_values = _complex(steps)
        kinds = {place: (shape, complex if place in complex_values else float) for place, shape in places.items()}
        zeros = {
            (shape, dtype): jax.device_put(np.zeros((self.rows, *shape), dtype)) for shape, dtype in kinds.values()
        }
        self._nothing = {place: zeros[kind] for place, kind in kinds.items()}
        self._gates, self._open = frozenset(gates), tuple(open_values)
        # constants are arguments: another draw's program is the same
        self._given = (list(steps.constants.values()), list(leaves), list(upstream))
        same = "reverse", self._open, steps.key
        self.device = device
        self._program = compile_program(self._run, (*self._given, *self._filled(())), device, same=same)
        right, *found = self._program(*self._given, *self._filled(()))
        self.right = tuple(np.asarray(gradient)[0] for gradient in right)
        values, arriving, local = ({key: _as_numpy(one) for key, one in part.items()} for part in found)
        self.known = Known(values, {value: rows[0].copy() for value, rows in arriving.items()}, local)

    @property
    def given(self) -> tuple[list[Any], list[Array], list[Array]]:
        """The constants, leaves and upstream gradients of the case."""
        return self._given

    @property
    def open(self) -> frozenset[int]:
        """The values at which a gradient may enter."""
        return frozenset(self._open)

    def shape(self, value: int) -> tuple[int, ...]:
        """Of a value at which a gradient may enter."""
        return tuple(self._nothing[value].shape[1:])

    def rows_of(self, values: int) -> int:
        """How many rows compute so many values, over all steps."""
        return values // self._size

    def gradients(self, rows: Sequence[Row]) -> tuple[Array, ...]:
        """By leaf, one gradient a row."""
        return self.flowing(rows, ())[0]

    def arriving(self, rows: Sequence[Row]) -> dict[int, Array]:
        """By value, what arrives there, one gradient a row; of as many rows as fit in one batch."""
        found = self._program(*self._given, *self._filled(rows))[2]
        return {value: np.asarray(gradients) for value, gradients in found.items()}

    def cutting(self, values: Collection[int]) -> NDArray[np.float64]:
        """The factors of a row in which nothing flows back to these values."""
        factors = np.ones(self._classes)
        for edge, number in self._edges.class_of.items():
            if edge.value in values:
                factors[number] = 0.0
        return factors

    def flowing(self, rows: Sequence[Row], at: Collection[int]) -> tuple[tuple[Array, ...], dict[int, Array]]:
        """By leaf and by value of `at`, the gradients there, one a row; no value at which none arrives."""
        leaves: list[list[Array]] = []
        inside: dict[int, list[Array]] = {}
        for start in range(0, len(rows), self.rows):
            part = rows[start : start + self.rows]
            found = self._program(*self._given, *self._filled(part))
            leaves.append([np.asarray(gradient)[: len(part)] for gradient in found[0]])
            for value in at:
                if value in found[2]:
                    inside.setdefault(value, []).append(np.asarray(found[2][value])[: len(part)])
        together = tuple(np.concatenate(parts) for parts in zip(*leaves))
        return together, {value: np.concatenate(parts) for value, parts in inside.items()}

    def _filled(self, rows: Sequence[Row]) -> tuple[list[Any], list[Any], Array, Array]:
        given: dict[Any, Array] = {}
        share, factors = np.ones(self.rows), np.ones((self.rows, self._classes))
        for number, row in enumerate(rows):
            for place, change in (*row.changes.items(), *row.entering.items()):
                if place not in given:
                    given[place] = np.zeros(self._nothing[place].shape, self._nothing[place].dtype)
                given[place][number] = change
            share[number] = not row.is_alone
            if row.factors is not None:
                factors[number] = row.factors
        filled = {**self._nothing, **given}
        return [filled[at] for at in sorted(self._gates)], [filled[value] for value in self._open], share, factors

    def _run(
        self, constants: Any, leaves: Any, upstream: Any, changes: Any, entering: Any, share: Any, factors: Any
    ) -> Any:
        steps, change_of = self._steps, dict(zip(sorted(self._gates), changes))
        values: dict[int, Any] = dict(zip(steps.constants, constants))
        values.update(zip(steps.inputs, leaves))
        for step in steps.steps:
            operands = [value_of(operand, values) for operand in step.operands]
            values.update(zip(step.results, function_of(step)(*operands)))
        above: dict[int, Any] = {}
        local: dict[At, Any] = {}
        for value, rows in zip(self._open, entering):
            above[value] = rows.astype(values[value].dtype)

        def hand(position: int, k: int, value: int | None, rows: Any) -> None:
            number = self._scaled.get((position, k))
            add_to(above, value, rows if number is None else rows * _by_row(factors[:, number], rows.ndim))

        for position, (operand, cotangent) in enumerate(zip(steps.outputs, upstream), len(steps.steps)):
            if operand.value is not None:
                hand(position, 0, operand.value, _by_row(share, cotangent.ndim + 1) * cotangent)
        for position in range(len(steps.steps) - 1, -1, -1):
            step, wanted = steps.steps[position], self._wanted.get(position, ())
            if not any(result in above for result in step.results):
                continue
            gates = [k for k in wanted if (position, k) in self._gates]
            others = [k for k in wanted if (position, k) not in self._gates]
            if gates:
                operands = [value_of(operand, values) for operand in step.operands]
                ones = [jnp.ones_like(values[step.results[0]])]
                for k, derivative in zip(gates, pull_back_of(function_of(step), operands, gates)(ones)):
                    # where it is not finite, nothing arrives; or else the gradient is not the right one
                    derivative = jnp.where(jnp.isfinite(derivative), derivative, 0.0)
                    local[position, k] = derivative
                    changed = derivative + change_of[position, k].astype(derivative.dtype)
                    arriving = above[step.results[0]].astype(ones[0].dtype)
                    hand(position, k, step.operands[k].value, arriving * changed)
            if others:
                for k, rows in zip(others, handed_back(step, others, values, above, self.rows)):
                    hand(position, k, step.operands[k].value, rows)
        gradients = [
            above.get(number, jnp.zeros((self.rows, *leaf.shape), leaf.dtype))
            for number, leaf in zip(steps.inputs, leaves)
        ]
        return gradients, values, above, local


def _by_row(numbers: Any, dimensions: int) -> Any:
    """One number a row, for rows of so many dimensions in all."""
    return numbers.reshape(-1, *[1] * (dimensions - 1))


def is_gate(step: Step, operand: int) -> bool:
    """Whether each element of the result depends on that operand's element in its own place alone, in real numbers."""
    result, variable = step.equation.outvars[0].aval, step.equation.invars[operand].aval
    return is_elementwise_in(step, operand) and result.dtype.kind == "f" and variable.dtype.kind == "f"


def _shapes(steps: Steps, leaves: Sequence[Array]) -> dict[int, tuple[int, ...]]:
    shapes = {number: tuple(leaf.shape) for number, leaf in zip(steps.inputs, leaves)}
    for step in steps.steps:
        shapes.update((n, tuple(variable.aval.shape)) for n, variable in zip(step.results, step.equation.outvars))
    return shapes


def _complex(steps: Steps) -> frozenset[int]:
    """Values inside that are complex: spectra."""
    pairs = (pair for step in steps.steps for pair in zip(step.results, step.equation.outvars))
    return frozenset(number for number, variable in pairs if jnp.issubdtype(variable.aval.dtype, jnp.complexfloating))


def _as_numpy(value: Any) -> Array:
    """A value of the forward; of random keys, which are no arrays of NumPy's, only the shape."""
    return np.zeros(value.shape, bool) if str(value.dtype).startswith("key<") else np.asarray(value)
