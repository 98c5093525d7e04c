"""Draws: seeded, readable, off kinks, sizes distinct and named, the last one a batch of one."""

from __future__ import annotations

import time

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.inputs import values
from gradcheck_cli.layers.inputs.sampling import draw
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.options import InputOptions
from tests.layers.handmade import drawn, make

AFFINE = '''
def affine_forward(x, w, b):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    - b: of shape (M,)
    """
    return x @ w + b
'''


@pytest.mark.parametrize("seed", range(5))
def test_named_dimensions_have_one_size_each_and_different_ones(seed: int) -> None:
    sizes = [drawn(AFFINE, "affine", index, seed=seed).dimensions for index in range(3)]
    for size in sizes:
        assert len(set(size.values())) == 3
    assert sizes[2]["N"] == 1
    assert sizes[0]["N"] != 1
    assert sizes[0] != sizes[1] != sizes[2]


def test_leaves_are_named_by_argument_and_axis() -> None:
    case = drawn(AFFINE, "affine")
    assert [(leaf.name, leaf.dimensions) for leaf in case.leaves] == [
        ("x", ("N", "D")),
        ("w", ("D", "M")),
        ("b", ("M",)),
    ]
    assert case.differentiable == ("x", "w", "b")


def test_a_seed_gives_the_same_values_and_another_gives_others() -> None:
    first, again, other = (drawn(AFFINE, "affine", 1, seed=seed).arguments["w"] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_values_do_not_hang_on_other_arguments() -> None:
    more = AFFINE.replace("(x, w, b)", "(x, w, b, extra=2)")
    sizes = {"N": 3, "D": 4, "M": 5}
    assert np.array_equal(
        drawn(AFFINE, "affine", dimensions=sizes).arguments["b"], drawn(more, "affine", dimensions=sizes).arguments["b"]
    )


def test_a_batch_of_one_that_does_not_run_is_said_and_left_out() -> None:
    source = AFFINE.replace("    return", "    assert len(x) > 1\n    return")
    case = drawn(source, "affine", 2)
    assert case.dimensions["N"] > 1
    assert any("no batch of one" in note for note in case.notes)


def test_a_batch_of_one_that_is_not_finite_is_left_out() -> None:
    source = AFFINE.replace("return x @ w + b", "return x @ w / x.std(0, ddof=1).sum() + b")
    case = drawn(source, "affine", 2)
    assert case.dimensions["N"] > 1


def test_fewer_draws_have_no_batch_of_one() -> None:
    assert drawn(AFFINE, "affine", 1, draws=2).dimensions["N"] > 1


@pytest.mark.parametrize("shape", [(), (1,), (5,), (4, 6), (3, 4, 5), (10, 18), (20, 30)])
@pytest.mark.parametrize("seed", range(10))
def test_values_are_readable_and_off_kinks(shape: tuple[int, ...], seed: int) -> None:
    drawn_values = values.floats(np.random.default_rng(seed), shape)
    flat = drawn_values.ravel()
    assert drawn_values.shape == shape
    assert (np.abs(flat) >= 0.0499).all() and (np.abs(flat) < 1.75).all()
    assert np.array_equal(flat, np.round(flat, 3 if flat.size <= 190 else 4))
    assert len(np.unique(np.abs(flat))) == flat.size
    differences = np.abs(flat[:, None] - flat[None, :])[~np.eye(flat.size, dtype=bool)]
    sums = np.abs(flat[:, None] + flat[None, :])
    for gaps in (flat, differences, sums):
        off = np.abs(gaps / 0.5 - np.round(gaps / 0.5)) * 0.5
        assert (off > 1e-5).all()


@pytest.mark.parametrize(
    ("domain", "low", "high"),
    [("positive", 0.1, 2), ("unit", 0, 1), ("negative", -2, -0.1), ("simplex", 0, 1), ("definite", 0.1, 2)],
)
def test_domains(domain: str, low: float, high: float) -> None:
    drawn_values = values.floats(np.random.default_rng(0), (4, 6), domain)
    assert ((drawn_values > low) & (drawn_values < high)).all()
    if domain == "simplex":
        assert np.allclose(drawn_values.sum(-1), 1)


def test_definite_matrices_are_symmetric_with_positive_eigenvalues() -> None:
    matrices = values.floats(np.random.default_rng(0), (3, 5, 5), "definite")
    assert np.array_equal(matrices, np.swapaxes(matrices, -1, -2))
    assert (np.linalg.eigvalsh(matrices) > 0).all()


def test_labels_are_as_different_as_can_be() -> None:
    labels = values.integers(np.random.default_rng(0), (4,), 6)
    assert len(set(labels.tolist())) == 4
    assert set(values.integers(np.random.default_rng(0), (9,), 3).tolist()) == {0, 1, 2}
    repeated = values.integers(np.random.default_rng(0), (4,), 6, repeated=True)
    assert len(set(repeated.tolist())) < 4


def test_dtypes() -> None:
    assert drawn(AFFINE, "affine", dtype="float32").arguments["x"].dtype == np.float32
    annotated = "def f_forward(x: 'Float32[Array, \"n\"]', y: 'Float[Array, \"n\"]'): return x + y"
    case = drawn(annotated, "f")
    assert (case.arguments["x"].dtype, case.arguments["y"].dtype) == (np.float32, np.float64)
    assert str(drawn(AFFINE, "affine", dtype="bfloat16").arguments["x"].dtype) == "bfloat16"
    with pytest.raises(UserError, match="is no dtype"):
        drawn(AFFINE, "affine", dtype="float7")


def test_a_large_layer_is_drawn_fast() -> None:
    layer, module, bound = make(AFFINE, "affine")
    options = InputOptions(dimensions={"N": 32, "D": 1024, "M": 1024})
    specification = specify(layer, module, bound, options)
    begin = time.process_time()
    case = draw(layer, specification, bound, options, 0)
    assert time.process_time() - begin < 1.5
    assert case.arguments["w"].shape == (1024, 1024)


def test_the_users_forward_gets_copies() -> None:
    source = AFFINE.replace("    return", "    x *= 0\n    return")
    assert np.abs(drawn(source, "affine").arguments["x"]).min() > 0


@pytest.mark.parametrize(
    ("assertion", "told"),
    [
        ("D % 2 == 0", "even sizes"),
        ("D % 4 == 0", "multiples of four"),
    ],
)
def test_other_sizes_are_tried_where_the_usual_ones_do_not_run(assertion: str, told: str) -> None:
    source = AFFINE.replace("    return", f"    D, M = w.shape\n    assert {assertion} and M % 2 == 0\n    return")
    case = drawn(source, "affine")
    assert case.dimensions["D"] % 2 == 0
    assert all(told in note or "even" in note for note in case.notes)


def test_a_layer_written_for_jax_gets_its_arrays_and_the_leaves_stay_numpy() -> None:
    jax = pytest.importorskip("jax")
    layer, module, bound = make("def f_forward(x): return x * 2.0", "f", uses_jax=True, declared_inputs={"x": "N,D"})
    case = draw(layer, specify(layer, module, bound, InputOptions()), bound, InputOptions(), 0)
    assert isinstance(case.arguments["x"], jax.Array)
    assert case.arguments["x"].dtype == np.float64
    assert isinstance(case.leaves[0].value, np.ndarray)


def test_axes_without_a_name_have_no_size_to_speak_of() -> None:
    source = '''
def double_forward(x):
    """
    x: of shape (*, D)
    """
    return 2 * x
'''
    case = drawn(source, "double")
    assert case.arguments["x"].ndim == 2
    assert list(case.dimensions) == ["D"]
