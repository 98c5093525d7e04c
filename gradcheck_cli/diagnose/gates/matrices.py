"""Inverses and solves, known by their values: gone back through with the matrix where its transpose belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.products import operand_of
from gradcheck_cli.diagnose.gates.replacements import Kind
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip

SOLVES = ("custom_linear_solve", "triangular_solve")


@dataclass(frozen=True)
class Solve:
    """M X = B, as a step has it: of each, whether the step's is the transpose, and where M is not read."""

    matrix: Array
    solution: Array
    right: Array
    of_matrix: Callable[[Array], Array]
    of_solution: Callable[[Array], Array]
    of_right: Callable[[Array], Array]


def of_matrices(forward: Forward, known: Known) -> Iterator[Slip]:
    """All solves with one matrix; an inverse solves for the identity."""
    for unit, positions in forward.turns.items():
        (position, *more) = positions
        step = forward.steps.steps[position]
        if more or step.equation.primitive.name not in SOLVES or forward.result(position) not in known.arriving:
            continue
        solve = _solve(position, forward, known)
        if solve is None:
            continue
        last = len(step.operands) - 1
        ends = {k: forward.operand(position, k) for k in (0, last) if k in forward.alive.get(position, ())}
        for key, kind, of, said, mend, back in _wrong(solve):
            sites = []
            for k, value in ends.items():
                if value is not None and k in (0 if one == "matrix" else last for one in of):
                    sites.append(Site(forward.result(position), value, _change(solve, back, k == 0)))
            if len(sites) == len(of) or (sites and key == "solve"):
                yield Slip((unit, key), kind, tuple(sites), position, next(iter(ends)), said, mend)


Back = Callable[[Array], tuple[Array, Array]]
"""From the gradient of X to those of M and B."""


def _wrong(solve: Solve) -> Iterator[tuple[str, Kind, tuple[str, ...], str, str, Back]]:
    inverse, x = np.linalg.inv(solve.matrix), solve.solution
    turned = np.swapaxes(inverse, -1, -2)
    is_inverse = (
        np.allclose(solve.right, np.eye(x.shape[-1]), atol=1e-12) if x.shape[-2:] == inverse.shape[-2:] else False
    )
    both = "matrix", "right"

    def back(first: Array, second: Array | None = None) -> Back:
        def handed(above: Array) -> tuple[Array, Array]:
            right = first @ above
            other = second if second is not None else np.swapaxes(x, -1, -2)
            return -right @ other, right

        return handed

    def outer(above: Array) -> tuple[Array, Array]:
        right = turned @ above
        return -np.swapaxes(right @ np.swapaxes(x, -1, -2), -1, -2), right

    if is_inverse:
        mend = "an inverse Y has the gradient -Y.T @ dout @ Y.T"
        for name, said, one, other in (
            ("inverse", "{takes} {place} where its transpose is due", inverse, inverse),
            (
                "left",
                "{takes} {place} where its transpose is due, to the left of the upstream gradient",
                inverse,
                turned,
            ),
            (
                "right",
                "{takes} {place} where its transpose is due, to the right of the upstream gradient",
                turned,
                inverse,
            ),
        ):
            yield name, Kind.TRANSPOSED, ("matrix",), said, mend, back(one, other)
    said = "{goes} back through {place} with the matrix where its transpose is due"
    mend = "solve with the transposed matrix for the gradient of the right side"
    yield "solve", Kind.TRANSPOSED, both, said, mend, back(inverse)
    said = "{takes} the outer product of {place} transposed"
    yield "outer", Kind.TRANSPOSED, ("matrix",), said, "the matrix has the gradient -db @ x.T", outer


def _change(solve: Solve, wrong: Back, is_matrix: bool) -> Callable[[Array], Array]:
    turned, x = np.swapaxes(np.linalg.inv(solve.matrix), -1, -2), solve.solution

    def change(above: Array) -> Array:
        given = solve.of_solution(above)
        right = turned @ given
        if is_matrix:
            return solve.of_matrix(wrong(given)[0] + right @ np.swapaxes(x, -1, -2))
        return solve.of_right(wrong(given)[1] - right)

    return change


def _solve(position: int, forward: Forward, known: Known) -> Solve | None:
    """What the step solves, read out of its values."""
    step = forward.steps.steps[position]
    params = step.equation.params
    a, b = (operand_of(position, k, forward, known) for k in (0, len(step.operands) - 1))
    x = known.values[forward.result(position)]
    if (
        a.ndim < 2
        or a.dtype.kind != "f"
        or b.dtype.kind != "f"
        or a.shape[-1] != a.shape[-2]
        or b.shape != x.shape
        or b.ndim != a.ndim
    ):
        return None
    if step.equation.primitive.name == "triangular_solve" and params["unit_diagonal"]:
        return None

    def read(matrix: Array) -> Array:
        if step.equation.primitive.name != "triangular_solve":
            return matrix
        return np.tril(matrix) if params["lower"] else np.triu(matrix)

    def same(array: Array) -> Array:
        return array

    def turned(array: Array) -> Array:
        return np.swapaxes(array, -1, -2)

    matrix = read(a)
    for of_matrix in (same, turned):
        for of_others in (same, turned):
            m, y, r = of_matrix(matrix), of_others(x), of_others(b)
            if m.shape[-1] == y.shape[-2] and np.allclose(m @ y, r, rtol=1e-9, atol=1e-9 * np.abs(r).max()):
                return Solve(m, y, r, lambda array: read(of_matrix(array)), of_others, of_others)
    return None
