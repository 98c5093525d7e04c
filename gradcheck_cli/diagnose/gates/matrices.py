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

    @property
    def is_inverse(self) -> bool:
        """Whether B is the identity."""
        size = self.matrix.shape[-1]
        return self.right.shape[-1] == size and np.allclose(self.right, np.eye(size), atol=1e-12)


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
        for key, of, said, mend, back in _wrong(solve):
            sites = []
            for k, value in ends.items():
                if value is not None and k in (0 if one == "matrix" else last for one in of):
                    sites.append(Site(forward.result(position), value, _change(solve, back, k == 0)))
            if len(sites) == len(of) or (sites and key == "solve"):
                yield Slip((unit, key), Kind.TRANSPOSED, tuple(sites), position, next(iter(ends)), said, mend)


Back = Callable[[Array], tuple[Array, Array]]
"""From the gradient of X to those of M and B."""


def _wrong(solve: Solve) -> Iterator[tuple[str, tuple[str, ...], str, str, Back]]:
    """The ends that are wrong, what is said of them, what to do instead, and what is handed back."""
    inverse, x = np.linalg.inv(solve.matrix), solve.solution
    turned = _turned(inverse)

    def back(first: Array, second: Array) -> Back:
        def handed(above: Array) -> tuple[Array, Array]:
            right = first @ above
            return -right @ second, right

        return handed

    def outer(above: Array) -> tuple[Array, Array]:
        return -_turned(turned @ above @ _turned(x)), turned @ above

    if solve.is_inverse:
        said, mend = "{takes} {place} where its transpose is due", "an inverse Y has the gradient -Y.T @ dout @ Y.T"
        yield "inverse", ("matrix",), said, mend, back(inverse, inverse)
        yield "left", ("matrix",), f"{said}, left of the upstream gradient", mend, back(inverse, turned)
        yield "right", ("matrix",), f"{said}, right of the upstream gradient", mend, back(turned, inverse)
    said = "{goes} back through {place} with the matrix where its transpose is due"
    mend = "solve with the transposed matrix for the gradient of the right side"
    yield "solve", ("matrix", "right"), said, mend, back(inverse, _turned(x))
    said = "{takes} the outer product of {place} transposed"
    yield "outer", ("matrix",), said, "the matrix has the gradient -db @ x.T", outer


def _change(solve: Solve, wrong: Back, is_matrix: bool) -> Callable[[Array], Array]:
    turned, x = _turned(np.linalg.inv(solve.matrix)), solve.solution

    def change(above: Array) -> Array:
        given = solve.of_solution(above)
        right = turned @ given
        if is_matrix:
            return solve.of_matrix(wrong(given)[0] + right @ _turned(x))
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

    is_triangular = step.equation.primitive.name == "triangular_solve"
    read = _same if not is_triangular else np.tril if params["lower"] else np.triu
    matrix = read(a)
    for of_matrix in (_same, _turned):
        for of_others in (_same, _turned):
            m, y, r = of_matrix(matrix), of_others(x), of_others(b)
            if m.shape[-1] == y.shape[-2] and np.allclose(m @ y, r, rtol=1e-9, atol=1e-9 * np.abs(r).max()):
                return Solve(m, y, r, _both(of_matrix, read), of_others, of_others)
    return None


def _same(array: Array) -> Array:
    return array


def _turned(array: Array) -> Array:
    return np.swapaxes(array, -1, -2)


def _both(first: Callable[[Array], Array], then: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda array: then(first(array))
