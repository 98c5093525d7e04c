"""At kinks: what lies between the slopes passes and is named, what does not fails, with autodiff and without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.report.model import Status
from tests.judge.kinked import Checked, checking, said, values_said
from tests.thorough import seeds

SIGNS = [[-1.5, 0.0, 2.0], [0.0, 0.5, -0.25]]
TIED = [[1.0, 3.0, 3.0, 2.0], [2.0, -1.0, 0.5, 2.0], [4.0, 4.0, 4.0, 1.0]]


@pytest.fixture(params=["traced", "untraced"])
def checked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checked]:
    yield checking(request.param == "traced", monkeypatch)


def relu(x: Any) -> Any:
    return np.maximum(0, x), x


def at_zero(slope: float) -> Any:
    return lambda dout, x: dout * np.where(x == 0, slope, x > 0)


@pytest.mark.parametrize(
    ("slope", "words"), [(0.0, "the left slope"), (1.0, "the right slope"), (0.5, "their mean"), (0.3, "between them")]
)
def test_a_convention_passes_and_is_named(checked: Checked, slope: float, words: str) -> None:
    layer = checked(relu, at_zero(slope), x=SIGNS)
    assert layer.status is Status.PASS, said(layer)
    assert f"is {words}" in said(layer)
    assert "meets a kink in 2 elements, first at [0, 1]" in said(layer)


@pytest.mark.parametrize("slope", [1.001, -0.001, 2.0, -1.0])
def test_beyond_the_slopes_fails_and_names_them(checked: Checked, slope: float) -> None:
    layer = checked(relu, at_zero(slope), x=SIGNS)
    (message,) = values_said(layer)
    assert "wrong in 2 of 6" in message
    assert "the slopes on its two sides are" in message


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_in_float32(monkeypatch: pytest.MonkeyPatch, slope: float) -> None:
    single = checking(True, monkeypatch, np.float32)
    assert single(relu, at_zero(slope), x=SIGNS).status is Status.PASS
    assert single(relu, at_zero(slope + 1.1), x=SIGNS).status is Status.FAIL


def row_max(x: Any) -> Any:
    return x.max(axis=1), x


def first(dout: Any, x: Any) -> Any:
    return dout[:, None] * (np.arange(x.shape[1]) == x.argmax(axis=1)[:, None])


def last(dout: Any, x: Any) -> Any:
    return first(dout, x[:, ::-1])[:, ::-1]


def shared(dout: Any, x: Any) -> Any:
    largest = x == x.max(axis=1, keepdims=True)
    return dout[:, None] * largest / largest.sum(axis=1, keepdims=True)


def unevenly(dout: Any, x: Any) -> Any:
    return 0.3 * first(dout, x) + 0.7 * last(dout, x)


def every(dout: Any, x: Any) -> Any:
    return dout[:, None] * (x == x.max(axis=1, keepdims=True))


def none(dout: Any, x: Any) -> Any:
    largest = x == x.max(axis=1, keepdims=True)
    return dout[:, None] * (largest & (largest.sum(axis=1, keepdims=True) == 1))


def first_and_half(dout: Any, x: Any) -> Any:
    return np.where(first(np.ones_like(dout), x) > 0, first(dout, x), shared(dout, x))


@pytest.mark.parametrize("backward", [first, last, shared, unevenly])
def test_tied_entries_may_share_as_they_like(checked: Checked, backward: Any) -> None:
    layer = checked(row_max, backward, x=TIED)
    assert layer.status is Status.PASS, said(layer)
    assert "meets a kink in 7 elements" in said(layer)


@pytest.mark.parametrize("backward", [every, none, first_and_half])
def test_tied_entries_must_add_up(checked: Checked, backward: Any) -> None:
    layer = checked(row_max, backward, x=TIED)
    (message,) = values_said(layer)
    assert "they meet at one kink: moving `dx[" in message
    assert "on both sides, and yours add up to" in message


@pytest.mark.parametrize("backward", [first, last, shared])
def test_one_tie_among_many_rows(checked: Checked, backward: Any) -> None:
    x = np.random.default_rng(0).normal(size=(12, 5))
    x[4, 1] = x[4, 3] = 3.0
    assert checked(row_max, backward, x=x).status is Status.PASS
    layer = checked(row_max, every, x=x)
    assert layer.status is Status.FAIL
    assert layer.findings[0].index in ((4, 1), (4, 3))


def maximum(a: Any, b: Any) -> Any:
    return np.maximum(a, b), (a, b)


@pytest.mark.parametrize("ties", [(1, 0), (0, 1), (0.5, 0.5), (0.2, 0.8)])
def test_a_tie_between_two_arguments(checked: Checked, ties: tuple[float, float]) -> None:
    def backward(dout: Any, cache: Any) -> Any:
        a, b = cache
        return dout * np.where(a == b, ties[0], a > b), dout * np.where(a == b, ties[1], a < b)

    assert checked(maximum, backward, a=[1.0, 2.0, 0.0], b=[1.0, 3.0, 0.0]).status is Status.PASS


@pytest.mark.parametrize("ties", [(1, 1), (0, 0), (1, 0.5)])
def test_a_tie_between_two_arguments_that_does_not_add_up(checked: Checked, ties: tuple[float, float]) -> None:
    def backward(dout: Any, cache: Any) -> Any:
        a, b = cache
        return dout * np.where(a == b, ties[0], a > b), dout * np.where(a == b, ties[1], a < b)

    layer = checked(maximum, backward, a=[1.0, 2.0, 0.0], b=[1.0, 3.0, 0.0])
    assert layer.status is Status.FAIL
    assert "together has the slope" in said(layer)


def test_the_upstream_of_several_outputs_at_one_kink(checked: Checked) -> None:
    """Where outputs lean both ways at once, a gradient of zero is beyond the slopes of their weighted sum."""

    def forward(x: Any) -> Any:
        return np.stack([np.maximum(x, 0), np.maximum(-x, 0)]), x

    assert checked(forward, lambda g, x: g[0] * (x > 0) - g[1] * (x < 0), x=SIGNS).status is Status.PASS
    assert checked(forward, lambda g, x: g[0] * (x >= 0) - g[1] * (x <= 0), x=SIGNS).status is Status.PASS
    assert checked(forward, lambda g, x: g[0] * (x > 0) - g[1] * (x < 0) + 9 * (x == 0), x=SIGNS).status is Status.FAIL


def network(x: Any, w: Any, v: Any) -> Any:
    hidden = np.maximum(0, x @ w)
    return hidden @ v, (x, w, v, hidden)


def through_network(dout: Any, cache: Any) -> Any:
    x, w, v, hidden = cache
    dhidden = dout @ v.T * (hidden > 0)
    return dhidden @ w.T, x.T @ dhidden, hidden.T @ dout


def network_inputs(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x, w, v = (rng.normal(size=shape).round(1) for shape in ((3, 4), (4, 5), (5, 2)))
    x[1] = 0.0
    w[:, 2] = 0.0
    return {"x": x, "w": w, "v": v}


@pytest.mark.parametrize("seed", seeds(3))
def test_dead_units_and_a_row_of_zeros_in_a_network(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    layer = checking(True, monkeypatch)(network, through_network, **network_inputs(seed))
    assert layer.status is Status.PASS, said(layer)
    assert "what the chain rule gives there where max(x, c) has slope 0" in said(layer)


@pytest.mark.parametrize("seed", seeds(3))
def test_a_network_that_autodiff_cannot_see_into_is_not_failed(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    layer = checking(False, monkeypatch)(network, through_network, **network_inputs(seed))
    assert layer.status in (Status.PASS, Status.INCONCLUSIVE), said(layer)


def test_a_wrong_network_fails_for_all_its_kinks(checked: Checked) -> None:
    def unmasked(dout: Any, cache: Any) -> Any:
        x, w, v, hidden = cache
        return dout @ v.T @ w.T, x.T @ (dout @ v.T), hidden.T @ dout

    assert checked(network, unmasked, **network_inputs(0)).status is Status.FAIL


def test_several_kinks_inside_one_output_are_left_open(checked: Checked) -> None:
    """A norm at the origin: (1, 1, 1) is between the slopes of each entry, and longer than any gradient nearby."""

    def norm(x: Any) -> Any:
        return np.sqrt((x**2).sum(axis=1)), x

    def backward(dout: Any, x: Any) -> Any:
        size = np.sqrt((x**2).sum(axis=1, keepdims=True))
        return dout[:, None] * np.where(size > 0, x / np.where(size > 0, size, 1), 1.0)

    layer = checked(norm, backward, x=[[3.0, 4.0, 1.0], [0.0, 0.0, 0.0]])
    assert layer.status is Status.INCONCLUSIVE
    assert "several kinks meet inside the forward" in said(layer)


def sort(x: Any) -> Any:
    order = np.argsort(x, kind="stable")
    return x[order], order


def unsort(dout: Any, order: Any) -> Any:
    dx = np.empty_like(dout)
    dx[order] = dout
    return dx


def test_three_equal_entries_of_a_sort(checked: Checked) -> None:
    x = [2.0, 1.0, 2.0, 0.5, 2.0, 1.0]
    assert checked(sort, unsort, x=x).status is Status.PASS

    def reversed_ties(dout: Any, order: Any) -> Any:
        swapped = order.copy()
        swapped[3:] = swapped[3:][::-1]
        return unsort(dout, swapped)

    layer = checked(sort, reversed_ties, x=x)
    assert layer.status is Status.PASS, said(layer)

    def doubled(dout: Any, order: Any) -> Any:
        dx = unsort(dout, order)
        dx[0] = dx[4] = dout[5]
        return dx

    assert checked(sort, doubled, x=x).status is Status.FAIL


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_at_any_magnitude(checked: Checked, scale: float) -> None:
    x = scale * np.array(TIED)
    assert checked(row_max, first, x=x).status is Status.PASS
    assert checked(row_max, every, x=x).status is Status.FAIL


def test_jax_splits_ties_and_nobody_has_to(monkeypatch: pytest.MonkeyPatch) -> None:
    import jax.numpy as jnp

    def forward(x: Any) -> Any:
        return jnp.max(x, axis=1), x

    def takes(which: Any) -> Any:
        return lambda dout, x: jnp.asarray(which(np.asarray(dout), np.asarray(x)))

    check_jax = checking(True, monkeypatch)
    for which in (first, last, shared):
        assert check_jax(forward, takes(which), x=TIED).status is Status.PASS
    for which in (every, none, first_and_half):
        assert check_jax(forward, takes(which), x=TIED).status is Status.FAIL
