"""Wrong gradients that no slip explains, and slips that cannot be told from others: nothing is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .arrays import Array, Gradients, affine, cases, causes

LAYER = {"x": ("N", "D"), "w": ("D", "D"), "b": ("D",), "s": ()}

rng = np.random.default_rng(99)

WRONG: dict[str, Callable[[Gradients], Mapping[str, Array]]] = {
    "noise": lambda g: {"x": g["x"] + 0.1 * rng.normal(size=g["x"].shape)},
    "noise alone": lambda g: {"x": rng.normal(size=g["x"].shape)},
    "nearly a factor": lambda g: {"x": 2 * g["x"] * (1 + 1e-6 * rng.normal(size=g["x"].shape))},
    "nearly a transpose": lambda g: {"w": g["w"].T + 1e-6 * rng.normal(size=g["w"].shape)},
    "a factor from the data": lambda g: {"x": g["x"] * g["s"]},
    "a factor a row": lambda g: {"x": g["x"] * np.arange(1, len(g["x"]) + 1)[:, None]},
    "squared": lambda g: {"x": g["x"] ** 2},
    "a mask": lambda g: {"x": np.where(rng.random(g["x"].shape) < 0.5, 0.0, g["x"])},
    "one scalar, by another number each time": lambda g: {"s": g["s"] * rng.normal()},
    "one scalar, by a number that nobody forgets": lambda g: {"s": g["s"] * 1.37},
    "zero": lambda g: {"x": 0 * g["x"]},
    "a factor below the tolerances": lambda g: {"x": g["x"] * (1 + 3e-12)},
    "other elements each time": lambda g: {"x": changed_anywhere(g["x"])},
    "three quarters of the rows": lambda g: {"x": np.concatenate([g["x"][:1], g["x"][1:] + 1])},
}


def changed_anywhere(g: Array) -> Array:
    """A copy with one wrong element, never the same."""
    left = g.copy()
    left[rng.integers(1, g.shape[0] - 1), rng.integers(1, g.shape[1] - 1)] += 1
    return left


@pytest.mark.parametrize("what", WRONG)
def test_nothing_is_named(what: str) -> None:
    assert causes(*cases(LAYER, WRONG[what])) == ()


def test_what_holds_in_one_case_only_is_not_named() -> None:
    right, transposed = (cases(LAYER, slip) for slip in (WRONG["noise"], lambda g: {"x": 2 * g["x"]}))
    assert causes(transposed[0], right[1]) == ()
    assert causes(transposed[0], transposed[1]) != ()


def test_numbers_that_differ_and_are_no_size_are_not_one_factor() -> None:
    two, three = (cases(LAYER, lambda g, c=c: {"x": c * g["x"]}) for c in (2.0, 3.0))
    assert causes(two[0], three[1]) == ()


def test_a_symmetric_gradient_is_no_transpose() -> None:
    def symmetric(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        drawn = rng.normal(size=shape)
        return drawn + drawn.T if drawn.ndim == 2 else drawn

    def slip(g: Gradients) -> Mapping[str, Array]:
        return {"w": 2 * g["w"].T}

    (cause,) = causes(*cases({"w": ("D", "D")}, slip, drawn=symmetric))
    assert cause.code == "GC202"


def test_a_constant_gradient_times_any_number_is_not_named() -> None:
    def constant(_: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.full(shape, 0.7)

    assert causes(*cases({"x": ("N", "D")}, lambda g: {"x": 1.37 * g["x"]}, drawn=constant)) == ()


def test_a_selection_that_is_given_to_all_is_no_sum() -> None:
    def selected(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        drawn = np.zeros(shape)
        drawn[np.arange(shape[0]), rng.integers(0, shape[1], shape[0])] = rng.normal(size=shape[0])
        return drawn

    def slip(g: Gradients) -> Mapping[str, Array]:
        return {"x": 0 * g["x"] + g["x"].sum(1, keepdims=True)}

    assert not any(cause.code == "GC206" for cause in causes(*cases({"x": ("N", "D")}, slip, drawn=selected)))


def test_a_place_by_the_values_of_an_input_is_no_region() -> None:
    def slip(g: Gradients) -> Mapping[str, Array]:
        return {"x": np.concatenate([0 * g["x"][:1], g["x"][1:]])}

    first, second = cases({"x": ("N", "D")}, slip)
    assert [cause.code for cause in causes(first, second)] == ["GC211"]
    ids = {"ids": np.array([0, 0, 2])}
    assert causes(replace(first, given=ids), replace(second, given=ids)) == ()


def test_an_example_that_others_overwrite_is_not_left_out() -> None:
    def wrong(x: Array, w: Array, g: Array) -> Mapping[str, Array]:
        return {"b": g[1:].sum(axis=0)}

    first, second = affine(0, wrong), affine(1, wrong)
    assert [cause.code for cause in causes(first, second)] == ["GC211"]
    ids = {"ids": np.array([0, 0, 2])}
    assert causes(replace(first, given=ids), replace(second, given=ids)) == ()


def test_a_sum_where_the_forward_selects_may_be_a_mask() -> None:
    def slip(g: Gradients) -> Mapping[str, Array]:
        return {"x": 0 * g["x"] + g["x"].sum(axis=0)}

    first, second = cases({"x": ("N", "D")}, slip)
    assert [cause.code for cause in causes(first, second)] == ["GC206"]
    assert causes(replace(first, selects=True), replace(second, selects=True)) == ()


def test_one_of_two_columns_is_no_region() -> None:
    def slip(g: Gradients) -> Mapping[str, Array]:
        return {"p": g["p"] + np.array([0.0, 1.0]) * rng.normal(size=g["p"].shape)}

    assert causes(*cases({"p": ("N", "two")}, slip, sizes=({"N": 5, "two": 2}, {"N": 7, "two": 2}))) == ()


def test_ones_in_other_places_are_not_named() -> None:
    def one_hot(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.asarray(rng.permuted(np.eye(shape[0], shape[1]), axis=1))

    def slip(g: Gradients) -> Mapping[str, Array]:
        return {"x": np.roll(g["x"], 1, axis=1) * (rng.random((len(g["x"]), 1)) < 0.7) + 0.0}

    assert causes(*cases({"x": ("N", "D")}, slip, drawn=one_hot)) == ()


def test_another_gradient_that_is_upstream_passed_on_is_no_swap() -> None:
    def wrong(x: Array, w: Array, g: Array) -> Mapping[str, Array]:
        return {"b": g.sum(axis=0) + 1}

    first, second = affine(0, wrong), affine(1, wrong)
    assert causes(first, second) == ()


def test_elements_that_are_unknown_do_not_count() -> None:
    first, second = cases({"x": ("N", "D")}, lambda g: {"x": 2 * g["x"]})

    def half_known(case: object) -> object:
        (one,) = case.gradients  # type: ignore[attr-defined]
        yours, counts = one.yours.copy(), one.counts.copy()
        yours[0, 0], counts[0, 0] = 17.0, False
        return replace(case, gradients=(replace(one, yours=yours, counts=counts),))  # type: ignore[type-var]

    (cause,) = causes(half_known(first), half_known(second))  # type: ignore[arg-type]
    assert cause.claim == "your `dx` is 2 times the gradient"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 7), st.integers(4, 7))
def test_numbers_of_their_own_are_never_named(seed: int, n: int, d: int) -> None:
    own = np.random.default_rng(seed)
    sizes = ({"N": n, "D": d}, {"N": n + 1, "D": d})

    def slip(g: Gradients) -> Mapping[str, Array]:
        return {name: own.normal(size=g[name].shape) for name in g}

    assert causes(*cases({"x": ("N", "D"), "w": ("D", "D"), "b": ("D",)}, slip, sizes=sizes)) == ()
