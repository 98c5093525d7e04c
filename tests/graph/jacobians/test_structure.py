from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gradcheck_cli.graph.jacobians import patterns, ranks, simple, spreads, structure
from gradcheck_cli.graph.jacobians.seen import Seen
from tests.graph.jacobians.made import one_off, seen, values

X, W = values(4), values(4, 3, seed=1)


def _relu() -> Seen:
    return seen(np.diag((X > 0).astype(float)), np.maximum(X, 0), X)


def _linear() -> Seen:
    return seen(W.T, X @ W, X, W=W)


def _batch() -> Seen:
    x = values(2, 4, seed=2)
    return seen(np.kron(np.eye(2), W.T), x @ W, x, W=W)


def _weights() -> Seen:
    x = values(2, 4, seed=2)
    return seen(np.kron(x, np.eye(3)), x @ W, W, batch=x)


def _bias() -> Seen:
    return seen(np.kron(np.ones((2, 1)), np.eye(3)), values(2, 3), values(3))


def _sum() -> Seen:
    return seen(np.kron(np.eye(2), np.ones((1, 3))), values(2), values(2, 3))


def _scale() -> Seen:
    x = values(2, 3)
    rows = np.concatenate([np.diag(row) for row in x])
    return seen(rows, x * values(3, seed=4), values(3, seed=4), inputs=x)


def _softmax(axis: int) -> Seen:
    x = values(3, 4)
    z = np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)
    tensor = np.zeros(z.shape * 2)
    for n in range(z.shape[1 - axis]):
        row = z[n] if axis == 1 else z[:, n]
        block = np.diag(row) - np.outer(row, row)
        if axis == 1:
            tensor[n, :, n, :] = block
        else:
            tensor[:, n, :, n] = block
    return seen(tensor.reshape(12, 12), z, x)


def _centre() -> Seen:
    x = values(5)
    return seen(np.eye(5) - 1 / 5, x - x.mean(), x)


def _transposed() -> Seen:
    x = values(2, 3)
    matrix = np.zeros((6, 6))
    matrix[np.arange(6), np.arange(6).reshape(2, 3).T.reshape(-1)] = 1
    return seen(matrix, x.T, x)


def _permuted() -> Seen:
    order = [2, 0, 3, 1]
    return seen(np.eye(4)[order], X[order], X)


def _selected() -> Seen:
    ids = np.array([2, 0, 2])
    return seen(np.eye(4)[ids], X[ids], X, ids=ids)


def _convolved() -> Seen:
    x, w = values(7), values(3, seed=3)
    matrix = np.array([[w[i - j] if 0 <= i - j < 3 else 0.0 for i in range(7)] for j in range(5)])
    return seen(matrix, matrix @ x, x, w=w)


def _windows() -> Seen:
    x = values(7)
    return seen(np.array([x[j : j + 3] for j in range(5)]), values(5, seed=1), values(3, seed=3), signal=x)


def _banded() -> Seen:
    matrix = np.diag(values(7)) + np.diag(values(6, seed=1), 1) + np.diag(values(6, seed=2), -1)
    return seen(matrix, values(7), values(7))


def _cumsum() -> Seen:
    return seen(np.tril(np.ones((5, 5))), np.cumsum(values(5)), values(5))


def _rank_one() -> Seen:
    return seen(np.outer(values(4, seed=5), values(6, seed=6)), values(4, seed=7), values(6, seed=8))


def _identity_and_rank_one() -> Seen:
    return seen(2.5 * np.eye(5) + np.outer(values(5, seed=5), values(5, seed=6)), values(5), values(5))


def _sparse() -> Seen:
    matrix = np.zeros((5, 6))
    for place in ((0, 5), (1, 0), (1, 3), (2, 5), (3, 1), (4, 0), (4, 4)):
        matrix[place] = sum(place) + 0.5
    return seen(matrix, values(5), values(6))


CASES: list[tuple[Callable[[Seen], list[structure.Structure]], Callable[[], Seen], str, str]] = [
    (simple.zero, lambda: seen(np.zeros((3, 4)), values(3), X), "zero", "0"),
    (simple.identity, lambda: seen(np.eye(4), X, X), "identity", "I"),
    (simple.scaled_identity, lambda: seen(-3 * np.eye(4), -3 * X, X), "scaled identity", "-3 I"),
    (simple.scaled_identity, lambda: seen(0.7 * np.eye(4), 0.7 * X, X, a=0.7), "scaled identity", "a I"),
    (simple.diagonal, _relu, "diagonal", "diag(I[x > 0])"),
    (simple.diagonal, lambda: seen(np.diag(1 - np.tanh(X) ** 2), np.tanh(X), X), "diagonal", "diag(1 - z²)"),
    (simple.diagonal, lambda: seen(np.diag(np.exp(X)), np.exp(X), X), "diagonal", "diag(z)"),
    (simple.diagonal, lambda: seen(np.diag(np.cos(X)), np.sin(X), X), "diagonal", "diag(cos(x))"),
    (simple.diagonal, lambda: seen(np.diag(2 * X), X**2, X), "diagonal", "diag(2 x)"),
    (simple.transposition, _transposed, "permutation", ""),
    (simple.permutation, _permuted, "permutation", ""),
    (simple.selection, _selected, "selection", "onehot(ids)"),
    (simple.matrix_of_argument, _linear, "matrix", "Wᵀ"),
    (simple.ones, lambda: seen(np.ones((1, 4)), X.sum(), X), "ones", "1ᵀ"),
    (spreads.spread, _bias, "broadcast", "1 ⊗ I_3"),
    (spreads.spread, _sum, "sum", "I_2 ⊗ 1ᵀ"),
    (spreads.spread, _scale, "broadcast", "diag(inputs) (1 ⊗ I_3)"),
    (structure.equal_blocks, _batch, "kronecker", "I_2 ⊗ Wᵀ"),
    (structure.equal_blocks, _weights, "kronecker", "batch ⊗ I_3"),
    (structure.any_blocks, lambda: _softmax(1), "blocks", "blockdiag(diag(z) - zᵀ z)"),
    (structure.any_blocks, lambda: _softmax(0), "blocks", "blockdiag(diag(z) - zᵀ z)"),
    (ranks.known_form, _centre, "diagonal and rank one", "I - 1/5 1 1ᵀ"),
    (ranks.diagonal_and_rank_one, _identity_and_rank_one, "identity and rank one", "c I + u vᵀ"),
    (ranks.low_rank, _rank_one, "low rank", "u vᵀ"),
    (patterns.convolution, _convolved, "convolution", "Toeplitz(w)"),
    (patterns.windows, _windows, "windows", "im2col(signal)"),
    (patterns.banded, _banded, "banded", ""),
    (patterns.triangular, _cumsum, "triangular", "L of ones"),
]


@pytest.mark.parametrize("recogniser, make, kind, notation", CASES)
def test_a_structure_is_named(
    recogniser: Callable[[Seen], list[structure.Structure]], make: Callable[[], Seen], kind: str, notation: str
) -> None:
    assert any((one.kind, one.notation) == (kind, notation) for one in recogniser(make()))
    found = structure.recognise([make()])
    assert (found.kind, found.notation) == (kind, notation)


@pytest.mark.parametrize("recogniser, make, kind, notation", CASES)
def test_one_entry_off_is_not_the_same_structure(
    recogniser: Callable[[Seen], list[structure.Structure]], make: Callable[[], Seen], kind: str, notation: str
) -> None:
    # at the corner, which is far from every band and in no block of the others
    for index in ((0, -1), (-1, 0)):
        near = one_off(make(), index)
        assert not any((one.kind, one.notation) == (kind, notation) for one in recogniser(near))
        found = structure.recognise([near])
        assert (found.kind, found.notation) != (kind, notation)


def test_a_value_off_on_the_diagonal_loses_its_name_but_stays_diagonal() -> None:
    found = structure.recognise([one_off(_relu(), (1, 1))])
    assert (found.kind, found.notation) == ("diagonal", "")


def test_density_is_told() -> None:
    found = structure.recognise([_sparse()])
    assert (found.kind, found.name) == ("sparse", "sparse: 23.3 % of the entries are not zero")


def test_blocks_that_stand_apart_along_a_later_axis_need_another_order() -> None:
    assert structure.recognise([_softmax(1)]).name == "block diagonal"
    assert structure.recognise([_softmax(0)]).name == "block diagonal after reordering"


def test_what_one_draw_shows_by_chance_is_not_said() -> None:
    open_gates = np.abs(X)
    first = seen(np.eye(4), open_gates, open_gates)
    assert structure.recognise([first]).kind == "identity"
    assert structure.recognise([first, _relu()]).notation == "diag(I[x > 0])"


def test_a_draw_at_which_every_unit_is_shut_says_nothing_of_the_gates() -> None:
    shut = -np.abs(X)
    dead = seen(np.zeros((4, 4)), np.maximum(shut, 0), shut)
    assert structure.recognise([_relu(), dead, _relu()]).notation == "diag(I[x > 0])"
    assert structure.recognise([dead, _relu(), _relu()]).notation == "diag(I[x > 0])"
    assert structure.recognise([dead, dead]).kind == "zero"


def test_rounding_is_forgiven() -> None:
    given = _linear()
    noisy = Seen(given.matrix * (1 + 1e-13), given.output, given.argument, given.arrays)
    assert structure.recognise([noisy]).notation == "Wᵀ"


def test_anything_else_is_dense() -> None:
    assert structure.recognise([seen(values(3, 4, seed=9), values(3), X)]).kind == "dense"
