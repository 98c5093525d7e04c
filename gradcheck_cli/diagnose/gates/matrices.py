"""Cholesky factors, determinants and exponentials of matrices.

The pull-back of a Cholesky factor is that of Murray (2016), "Differentiation of the Cholesky decomposition", section 3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import linalg

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
_Function = Callable[[Array, Array], Pulled | None]


def _cholesky(a: Array, factor: Array) -> Pulled | None:
    """L of L Lᵀ = A, where A is made symmetric before."""
    if not is_square(a) or factor.shape != a.shape or np.triu(factor, 1).any():
        return None
    if not is_close(symmetric(a), factor @ turned(factor)):
        return None
    return _pulled_cholesky("Cholesky", factor, symmetric)


def _cholesky_of_triangle(a: Array, factor: Array) -> Pulled | None:
    """The same from the lower triangle of A alone."""
    if not is_square(a) or factor.shape != a.shape or np.triu(factor, 1).any():
        return None
    if not is_close(np.tril(a), np.tril(factor @ turned(factor))):
        return None
    return _pulled_cholesky("Cholesky of the lower triangle", factor, lambda s: np.tril(s + turned(s)) - _diagonal(s))


def _diagonal(matrix: Array) -> Array:
    return np.asarray(matrix * np.eye(matrix.shape[-1]))


def _halved(matrix: Array) -> Array:
    return matrix - _diagonal(matrix) / 2


def _pulled_cholesky(name: str, factor: Array, finished: _Read) -> Pulled:
    inverse = np.linalg.inv(factor)

    def back(phi: _Read, finish: _Read = finished) -> Back:
        return of_one(lambda above: finish(turned(inverse) @ phi(turned(factor) @ above) @ inverse))

    def right(matrix: Array) -> Array:
        return _halved(np.tril(matrix))

    mend = "take the lower triangle of L.T @ dL, and half of its diagonal"
    said = "{goes} back through {place} with "
    wrong = (
        Formula("diagonal", back(np.tril), f"{said}the whole diagonal of L.T @ dL, where half of it is due", mend),
        Formula("triangle", back(_halved), f"{said}all of L.T @ dL, where its lower triangle is due", mend),
        Formula("neither", back(np.asarray), f"{said}L.T @ dL, where its lower triangle and half the diagonal are due"),
        Formula("strict", back(lambda m: np.tril(m, -1)), f"{said}L.T @ dL without its diagonal", mend),
        Formula("upper", back(lambda m: _halved(np.triu(m))), f"{said}the upper triangle of L.T @ dL", mend),
        Formula(
            "transposed",
            of_one(lambda above: finished(inverse @ right(turned(factor) @ above) @ turned(inverse))),
            f"{said}its inverse where the transpose of that is due",
            code="GC204",
        ),
        Formula(
            "asymmetric",
            back(right, np.asarray),
            *ASYMMETRIC,
            code="GC209",
        ),
    )
    return Pulled(name, back(right), wrong)


def _log_determinant(a: Array, y: Array) -> Pulled | None:
    if not is_square(a) or y.shape != a.shape[:-2] or not is_close(np.linalg.slogdet(a)[1], y):
        return None
    mend = "log |det A| has the gradient inv(A).T"
    return _of_determinant(
        "log determinant",
        a,
        np.ones(y.shape),
        np.linalg.det(a),
        "{takes} the derivative of {place} without its logarithm",
        mend,
    )


def _determinant(a: Array, y: Array) -> Pulled | None:
    if not is_square(a) or y.shape != a.shape[:-2] or not is_close(np.linalg.det(a), y):
        return None
    return _of_determinant(
        "determinant",
        a,
        y,
        np.ones(y.shape),
        "{takes} the derivative of the logarithm of {place}",
        "det A has det(A) * inv(A).T",
    )


def _of_determinant(name: str, a: Array, right: Array, wrong: Array, said: str, mend: str) -> Pulled:
    inverse = np.linalg.inv(a)

    def back(weight: Array, matrix: Array) -> Back:
        return of_one(lambda above: (above * weight)[..., None, None] * matrix)

    formulas = (
        Formula("other", back(wrong, turned(inverse)), said, mend),
        Formula(
            "transposed", back(right, inverse), "{takes} the inverse in {place} not transposed", mend, code="GC204"
        ),
        Formula("not inverted", back(right, turned(a)), "{takes} the matrix in {place} where its inverse is due", mend),
    )
    return Pulled(name, back(right, turned(inverse)), formulas)


def _exponential(a: Array, y: Array) -> Pulled | None:
    if a.ndim != 2 or not is_square(a) or y.shape != a.shape:
        return None
    # the determinant of the exponential is that of the trace; it costs less
    if not is_close(np.exp(np.trace(a)), np.linalg.det(y)) or not is_close(linalg.expm(a), y):
        return None
    said = "{goes} back through {place} as if "

    def derivative(at: Array) -> Back:
        return of_one(lambda above: linalg.expm_frechet(at, above, compute_expm=False))

    wrong = (
        Formula(
            "transposed", derivative(a), "{takes} the derivative of {place} at a matrix not transposed", code="GC204"
        ),
        Formula("elementwise", of_one(lambda above: above * y), f"{said}it took the exponential of each number"),
        Formula("left", of_one(lambda above: y.T @ above), f"{said}the matrix and its change commuted"),
        Formula("right", of_one(lambda above: above @ y.T), f"{said}the matrix and its change commuted"),
    )
    return Pulled("exponential", derivative(a.T), wrong)


MATRIX_FUNCTIONS: tuple[_Function, ...] = (
    _cholesky,
    _cholesky_of_triangle,
    _log_determinant,
    _determinant,
    _exponential,
)
