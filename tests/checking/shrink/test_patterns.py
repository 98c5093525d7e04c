"""The text of a long array makes the very array."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradcheck_cli.checking.shrink.literals import Unwritable, literal
from gradcheck_cli.checking.shrink.patterns import cyclic, scattered

LONG = (5, 7)
LABELS = np.array([3, 5, 4] * 12)


def made(value: object) -> object:
    """What the text of this value gives."""
    return eval(literal(value), {"np": np, "jnp": jnp})


@pytest.mark.parametrize(
    "array",
    [
        scattered(LONG),
        scattered((40,), "positive", 3),
        scattered(LONG, "unit", 5),
        scattered(LONG, "", 2).astype(np.float32),
        cyclic(LABELS),
        cyclic(LABELS).astype(np.int32),
        cyclic(LABELS.reshape(6, 6) - 3).astype(np.uint8),
        cyclic(np.arange(40)),
        cyclic(LABELS > 3),
    ],
    ids=lambda array: f"{array.dtype}-{array.ndim}",
)
def test_the_text_makes_the_array_again(array):
    again = made(array)
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array)
    assert len(literal(array)) < 80


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "int32", "bool"])
def test_arrays_of_jax_too(dtype):
    with jax.enable_x64(True):
        value = cyclic(LABELS) if dtype == "int32" else LABELS > 3 if dtype == "bool" else scattered(LONG)
        value = cyclic(value) if dtype == "bool" else value
        array = jnp.asarray(value).astype(dtype)
        again = made(array)
        assert again.dtype == array.dtype
        assert bool((again == array).all())


def test_numbers_without_a_pattern_have_no_text():
    with pytest.raises(Unwritable):
        literal(np.random.default_rng(1).normal(size=40))
    with pytest.raises(Unwritable):
        literal(np.array([3, 3, 5, 4] * 12))


def test_labels_counted_over_and_over_have_the_same_range():
    counted = cyclic(LABELS)
    assert (counted.min(), counted.max(), counted.shape) == (3, 5, LABELS.shape)
    assert cyclic(np.full(30, 7)).tolist() == [7] * 30
