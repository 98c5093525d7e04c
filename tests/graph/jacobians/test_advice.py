from __future__ import annotations

import numpy as np

from gradcheck_cli.graph.jacobians.advice import without_jacobian
from gradcheck_cli.graph.jacobians.entries import entries, holds
from gradcheck_cli.graph.jacobians.seen import Seen
from gradcheck_cli.graph.jacobians.wording import formula
from tests.graph.jacobians.made import one_off, seen, values


def _linear(seed: int) -> Seen:
    x, w = values(4, seed=seed), values(4, 3, seed=seed + 1)
    return seen(w.T, x @ w, x, W=w)


def _texts(*draws: Seen) -> list[str]:
    entry = next((one for one in entries(draws[0]) if all(holds(one, other) for other in draws[1:])), None)
    return [one.text for one in without_jacobian(entry, draws)]


def test_a_formula_that_holds_at_both_draws_is_shown() -> None:
    assert _texts(_linear(0), _linear(5)) == ["∂e/∂x = ∂e/∂z · Wᵀ"]


def test_a_single_draw_proves_nothing() -> None:
    assert _texts(_linear(0)) == []


def test_a_formula_that_fails_at_the_second_draw_is_not_shown() -> None:
    assert _texts(_linear(0), one_off(_linear(5))) == []


def test_a_formula_that_fails_at_the_first_draw_is_not_shown() -> None:
    assert _texts(one_off(_linear(0)), _linear(5)) == []


def test_a_square_matrix_is_not_taken_for_its_transpose() -> None:
    def draw(seed: int) -> Seen:
        x, w = values(3, seed=seed), values(3, 3, seed=seed + 1)
        return seen(w.T, x @ w, x, W=w)

    assert _texts(draw(0), draw(5)) == ["∂e/∂x = ∂e/∂z · Wᵀ"]
    assert formula(entries(draw(0))[0], draw(0)) == "∂z_j/∂x_i = W_ij"


def test_a_batch_of_sequences() -> None:
    def draw(seed: int) -> Seen:
        x, w = values(2, 3, 4, seed=seed), values(4, 5, seed=seed + 1)
        matrix = np.einsum("na,tb,ci->ntiabc", np.eye(2), np.eye(3), w).reshape(30, 24)
        return seen(matrix, x @ w, x, W=w)

    assert _texts(draw(0), draw(5)) == ["∂e/∂x = ∂e/∂z · Wᵀ"]


def test_the_weights_of_a_layer_of_three_axes() -> None:
    def draw(seed: int) -> Seen:
        x, w = values(2, 3, 4, seed=seed), values(4, 5, seed=seed + 1)
        matrix = np.einsum("ntc,id->ntdci", x, np.eye(5)).reshape(30, 20)
        return seen(matrix, x @ w, w, inputs=x)

    (text,) = _texts(draw(0), draw(5))
    assert text.startswith("∂e/∂x = einsum('")
