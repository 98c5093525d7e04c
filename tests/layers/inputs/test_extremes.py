"""Extreme inputs have the drawn ones' shapes, dtypes and configuration, and stay inside what is legal."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.layers.case import ArgumentShape, Case, Leaf, Specification
from gradcheck_cli.layers.inputs.extremes import extremes, nearby, rounded
from gradcheck_cli.layers.inputs.patterns import limits
from gradcheck_cli.layers.layer import Argument, Convention, Layer, Role

DRAWN = np.array([[0.3, -1.2, 0.7], [-0.6, 1.6, -0.1]])


def case_of(arguments, *, roles=None, dtype="float64"):
    roles = roles or {}
    values = {
        name: value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
        for name, value in arguments.items()
    }
    layer = Layer(
        name="layer",
        convention=Convention.FUNCTION_PAIR,
        path=__file__,
        line=1,
        forward_line=1,
        arguments=tuple(Argument(name, roles.get(name, Role.INPUT)) for name in values),
        bind=lambda module: None,
    )
    floating = {n: v for n, v in values.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"}
    leaves = tuple(Leaf(name, name, (), value) for name, value in floating.items())
    return Case(layer, 0, 0, values, leaves, tuple(floating), {"N": 2, "C": 3})


def of(name, domain="", **further):
    return Specification({name: ArgumentShape(("N", "C"), "float", "docstring", domain=domain), **further})


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_what_is_made_is_finite_and_as_it_was_drawn(dtype):
    case = case_of({"x": DRAWN, "param": {"eps": 1e-5}}, dtype=dtype)
    found = extremes(case, of("x"))
    assert len(found) > 10
    for extreme in found:
        made = extreme.of(case)
        assert made.arguments["x"].shape == DRAWN.shape
        assert made.arguments["x"].dtype == dtype
        assert np.isfinite(made.arguments["x"]).all()
        assert np.array_equal(made.leaves[0].value, made.arguments["x"])
        assert made.arguments["param"] is case.arguments["param"]
    assert np.array_equal(case.arguments["x"], DRAWN.astype(dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_some_are_just_beyond_exp_and_some_below(dtype):
    case = case_of({"x": DRAWN}, dtype=dtype)
    largest = {float(np.abs(extreme.of(case).arguments["x"]).max()) for extreme in extremes(case, of("x"))}
    edge = limits(np.dtype(dtype)).logarithm
    assert any(0.5 * edge < size < edge for size in largest)
    assert any(edge < size < 2 * edge for size in largest)


def test_the_usual_suspects_are_there():
    case = case_of({"x": DRAWN})
    made = {extreme.words: extreme.of(case).arguments["x"] for extreme in extremes(case, of("x"))}
    assert not made["all zero"].any()
    assert (made["rows of equal entries"] == DRAWN[:, :1]).all()
    assert np.ptp(made["nearly constant"]) < 1e-6
    assert np.ptp(made["far from zero for their spread"]) < 3 < 1e6 < made["far from zero for their spread"].min()
    assert (np.sort(np.abs(made["small but for one large entry a row"]), axis=1)[:, :-1] <= 1e-3).all()
    assert 0 < np.abs(made["tiny"]).max() < np.finfo(np.float64).smallest_normal


@pytest.mark.parametrize(
    ("domain", "is_legal"),
    [
        ("positive", lambda x: (x > 0).all()),
        ("unit", lambda x: ((x >= 0) & (x <= 1)).all()),
        ("simplex", lambda x: np.allclose(x.sum(axis=1), 1) and (x >= 0).all()),
        ("one-hot", lambda x: np.array_equal(np.sort(x, axis=1), [[0, 0, 1]] * 2)),
    ],
)
def test_domains_are_kept(domain, is_legal):
    drawn = np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]])
    case = case_of({"x": drawn})
    found = extremes(case, of("x", domain))
    assert found
    for extreme in found:
        assert is_legal(extreme.of(case).arguments["x"]), extreme.words


def test_a_draw_that_was_moved_into_a_domain_stays_there():
    case = case_of({"x": np.abs(DRAWN) + 1})
    for extreme in extremes(case, of("x")):
        assert (extreme.of(case).arguments["x"] > 0).all()


def test_definite_matrices_stay_definite():
    case = case_of({"a": np.array([[2.0, 0.3], [0.3, 1.0]])})
    for extreme in extremes(case, of("a", "definite")):
        assert (np.linalg.eigvalsh(extreme.of(case).arguments["a"]) > 0).all()


def test_labels_stay_below_their_bound():
    labels = ArgumentShape(("N",), "integer", "docstring", values=("C",))
    case = case_of({"x": DRAWN, "y": np.array([0, 1])})
    found = [one for one in extremes(case, of("x", y=labels)) if one.arguments == ("y",)]
    made = [one.of(case).arguments["y"].tolist() for one in found]
    assert made == [[0, 0], [2, 2], [0, 2]]
    assert all(one.of(case).arguments["y"].dtype == np.int64 for one in found)


def test_values_of_the_users_own_are_only_scaled():
    case = case_of({"x": np.triu(np.ones((3, 3)))})
    given = ArgumentShape((3, 3), "float", "layer(inputs=)", values=(np.triu(np.ones((3, 3))),))
    for extreme in extremes(case, Specification({"x": given})):
        made = extreme.of(case).arguments["x"]
        assert np.array_equal(made != 0, case.arguments["x"] != 0)
        assert np.ptp(made[made != 0]) == 0


def test_arguments_one_at_a_time_and_then_together():
    case = case_of({"x": DRAWN, "w": DRAWN.T}, roles={"w": Role.PARAMETER})
    shapes = {name: ArgumentShape(None, "float", "docstring") for name in ("x", "w")}
    found = extremes(case, Specification(shapes))
    which = [extreme.arguments for extreme in found]
    assert {("x",), ("w",), ("x", "w")} == set(which)
    assert which.index(("x", "w")) > max(at for at, names in enumerate(which) if len(names) == 1)
    assert all(one.of(case).arguments["w"] is case.arguments["w"] for one in found if one.arguments == ("x",))


def test_nearby_moves_zeros_too():
    case = case_of({"x": np.zeros((2, 3))})
    moved = nearby(case, 1e-6, np.random.default_rng(0)).arguments["x"]
    assert (moved != 0).all()
    assert np.abs(moved).max() <= 1e-6


def test_rounding_a_magnitude_goes_the_way_that_is_asked():
    assert rounded(709.7827, 4, up=True) == 709.8
    assert rounded(709.7827, 4, up=False) == 709.7
    assert rounded(2.8412e-108, 3, up=False) == 2.84e-108
