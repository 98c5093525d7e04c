"""Systems of equations that are solved, and inverses, of matrices and of stacks of them.

The pull-backs are those of Giles (2008), "An extended collection of matrix derivative results", section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from gradcheck_cli.diagnose.gates.formulas import (
    ASYMMETRIC,
    Back,
    Formula,
    Pulled,
    is_close,
    is_square,
    of_one,
    symmetric,
    turned,
)
from gradcheck_cli.diagnose.gates.reverse import Array

_Read = Callable[[Array], Array]

_READS: dict[str, _Read] = {"": np.asarray, "lower ": np.tril, "upper ": np.triu, "symmetric ": symmetric}
"""Which part of a matrix is read."""

_BOTH = (0, 1)


def _solve(part: str) -> Callable[[Array, Array, Array], Pulled | None]:
    read = _READS[part]

    def solve(a: Array, b: Array, x: Array) -> Pulled | None:
        """M X = B, or M x = b, where M is what is read of A."""
        if not is_square(a) or b.shape != x.shape or x.ndim not in (a.ndim, a.ndim - 1):
            return None
        matrix, is_vector = read(a), x.ndim < a.ndim
        columns = x[..., None] if is_vector else x
        if columns.shape[:-1] != a.shape[:-1] or not is_close(matrix @ columns, b[..., None] if is_vector else b):
            return None
        return _pulled_solve(part, read, np.linalg.inv(matrix), matrix, columns, is_vector)

    return solve


def _pulled_solve(part: str, read: _Read, inverse: Array, matrix: Array, x: Array, is_vector: bool) -> Pulled:
    def back(adjoint: _Read, outer: Callable[[Array], Array] | None = None, into: _Read = read) -> Back:
        """By way of the gradient of the right side."""

        def handed(above: Array) -> tuple[Array, Array]:
            solved = adjoint(above[..., None] if is_vector else above)
            of_matrix = -solved @ turned(x) if outer is None else outer(solved)
            return into(of_matrix), solved[..., 0] if is_vector else solved

        return handed

    def solved(above: Array) -> Array:
        return turned(inverse) @ above

    mend = "solve with the transposed matrix for the gradient of the right side"
    adjoints: dict[str, tuple[_Read, str, str]] = {
        "transposed": (
            lambda above: inverse @ above,
            "{goes} back through {place} with the matrix where its transpose is due",
            "GC204",
        ),
        "unsolved": (np.asarray, "{takes} the upstream gradient of {place} as it is, where it must be solved", "GC208"),
        "multiplied": (
            lambda above: turned(matrix) @ above,
            "{goes} back through {place} with a product by the matrix's transpose, where that must be solved with",
            "GC208",
        ),
        "multiplied, not transposed": (
            lambda above: matrix @ above,
            "{goes} back through {place} with a product by the matrix, where its transpose must be solved with",
            "GC208",
        ),
    }
    wrong = [
        Formula(f"{key} {ends}", back(adjoint), said, mend, ends, code)
        for (key, (adjoint, said, code)), ends in product(adjoints.items(), (_BOTH, (0,), (1,)))
    ]
    said = "{takes} the outer product of {place} transposed"
    outer = back(solved, lambda right: -turned(right @ turned(x)))
    wrong.append(Formula("outer", outer, said, "the matrix has the gradient -db @ x.T", (0,), "GC204"))
    said = "{takes} the right side of {place} where its solution is due"
    sides = back(solved, lambda right: -right @ turned(matrix @ x))
    wrong.append(Formula("right side", sides, said, "the matrix has the gradient -db @ x.T", (0,)))
    if read is symmetric:
        wrong.append(Formula("asymmetric", back(solved, into=np.asarray), *ASYMMETRIC, code="GC209"))
    return Pulled(f"{part}solve", back(solved), tuple(wrong))


def _inverse(part: str) -> Callable[[Array, Array], Pulled | None]:
    read = _READS[part]

    def inverse(a: Array, y: Array) -> Pulled | None:
        if not is_square(a) or y.shape != a.shape:
            return None
        if not is_close(read(a) @ y, np.broadcast_to(np.eye(a.shape[-1]), a.shape)):
            return None
        transposed, mend = turned(y), "an inverse Y has the gradient -Y.T @ dout @ Y.T"

        def back(left: Array, right: Array) -> Back:
            return of_one(lambda above: read(-left @ above @ right))

        place, once = "{takes} {place} where its transpose is due", "{multiplies} by {place} on one side only"
        no_product = "{goes} back through {place} as if it took the reciprocal of each number"
        asymmetric = Formula(
            "asymmetric", of_one(lambda above: -transposed @ above @ transposed), *ASYMMETRIC, code="GC209"
        )
        wrong = (
            Formula("transposed", back(y, y), place, mend, code="GC204"),
            Formula("left", back(y, transposed), f"{place}, left of the upstream gradient", mend, code="GC204"),
            Formula("right", back(transposed, y), f"{place}, right of the upstream gradient", mend, code="GC204"),
            Formula("elementwise", of_one(lambda above: read(-above * y**2)), no_product, mend),
            Formula("no right", of_one(lambda above: read(-transposed @ above)), once, mend),
            Formula("no left", of_one(lambda above: read(-above @ transposed)), once, mend),
            Formula("neither", of_one(lambda above: read(-above)), "{leaves} out both products with {place}", mend),
            *((asymmetric,) if read is symmetric else ()),
        )
        return Pulled(f"{part}inverse", back(transposed, transposed), wrong)

    return inverse


SOLVES = tuple(_solve(part) for part in _READS)

INVERSES = tuple(_inverse(part) for part in _READS)
