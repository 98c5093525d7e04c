from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradcheck_cli.layers.layer import Convention
from gradcheck_cli.witnesses.upstream import draw_upstream
from tests.witnesses.cases import make_case


def draw(*outputs: Any, seed: int = 0, number: int = 0, **layer: Any) -> Any:
    case = make_case({"x": np.zeros(2)}, seed=seed, draw=number, **layer)
    return draw_upstream(case.layer, case, outputs)


@pytest.mark.parametrize("count", [2, 7, 1000, 32_768])
def test_values_are_readable_distinct_and_of_both_signs(count: int) -> None:
    (values,) = draw(np.zeros(count)).cotangents
    assert len(np.unique(values)) == count
    assert np.abs(values).min() >= 0.2 and np.abs(values).max() <= 2
    assert (values < 0).any() and (values > 0).any()
    decimals = 2 if count < 300 else 5
    np.testing.assert_array_equal(values, np.round(values, decimals))


def test_no_two_are_equal_over_several_outputs() -> None:
    upstream = draw(np.zeros((10, 10)), np.zeros(50), np.float64(1.0))
    together = np.concatenate([flat.reshape(-1) for flat in upstream.flat])
    assert len(np.unique(together)) == 151


def test_seed_and_draw_decide() -> None:
    first, again = draw(np.zeros(9), seed=4, number=1), draw(np.zeros(9), seed=4, number=1)
    np.testing.assert_array_equal(first.flat[0], again.flat[0])
    for other in (draw(np.zeros(9), seed=5, number=1), draw(np.zeros(9), seed=4, number=2)):
        assert not np.array_equal(first.flat[0], other.flat[0])


class Pair(NamedTuple):
    left: Any
    right: Any


def test_structure_dtype_and_kind_are_the_outputs() -> None:
    outputs = (
        {"a": np.zeros((2, 3), np.float32), "n": np.arange(4)},
        Pair(np.float64(0.0), [3.0, np.zeros(2, np.complex128)]),
        7,
        jnp.zeros(2, jnp.bfloat16),
    )
    tree, pair, integer, low = draw(*outputs).cotangents
    assert tree["a"].dtype == np.float32 and tree["a"].shape == (2, 3)
    np.testing.assert_array_equal(tree["n"], np.zeros(4, int))
    assert isinstance(pair, Pair) and type(pair.left) is np.float64 and type(pair.right[0]) is float
    assert pair.right[1].dtype == np.complex128 and (pair.right[1].imag != 0).all()
    assert integer == 0 and type(integer) is int
    assert isinstance(low, jax.Array) and low.dtype == jnp.bfloat16


def test_flat_holds_what_the_backward_gets_exactly() -> None:
    upstream = draw(np.zeros(5, np.float16), np.arange(3), np.zeros(4, np.float32))
    assert [flat.dtype for flat in upstream.flat] == [np.dtype(np.float64)] * 2
    np.testing.assert_array_equal(upstream.flat[0], upstream.cotangents[0].astype(np.float64))
    np.testing.assert_array_equal(upstream.flat[1], upstream.cotangents[2].astype(np.float64))


def test_flat_shares_no_memory_with_what_the_backward_may_write() -> None:
    upstream = draw(np.zeros(5))
    upstream.cotangents[0][:] = 0
    assert (upstream.flat[0] != 0).all()


def test_integer_outputs_of_custom_rules_get_float0() -> None:
    outputs = (jnp.zeros(2), jnp.arange(3))
    _, integer = draw(*outputs, convention=Convention.CUSTOM_VJP).cotangents
    assert integer.dtype == jax.dtypes.float0 and integer.shape == (3,)


def test_unit_upstream_is_exactly_one() -> None:
    upstream = draw(np.float64(2.5), 1.5, np.complex128(1j), unit_upstream=True)
    assert upstream.cotangents == (1.0, 1.0, 1.0)
    assert type(upstream.cotangents[0]) is np.float64 and type(upstream.cotangents[1]) is float


def test_nothing_floating_gives_an_empty_flat() -> None:
    assert draw(np.arange(3)).flat == ()
