from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.judge.elements import BLOCK, Comparison, compare
from gradcheck_cli.judge.noise.tolerance import Tolerance

EXACT = Tolerance(relative=1e-9, floor=0.0)


def test_equal_arrays() -> None:
    reference = np.arange(1.0, 7.0).reshape(2, 3)
    comparison = compare(reference.copy(), reference, EXACT)
    assert comparison.wrong.size == 0
    assert comparison.max_abs_error == 0
    assert comparison.max_rel_error == 0
    assert comparison.total == 6


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3, 4), (0, 3), (BLOCK + 1,), (3, BLOCK)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_shape_finds_its_last_element(shape: tuple[int, ...], order: str) -> None:
    reference = np.asarray(np.random.default_rng(0).normal(size=shape) + 5, order=order)  # type: ignore[call-overload]
    yours = reference.copy()
    if not reference.size:
        assert compare(yours, reference, EXACT).wrong.size == 0
        return
    last = tuple(size - 1 for size in shape)
    yours[last] *= 1 + 1e-6
    comparison = compare(yours, reference, EXACT)
    assert [comparison.index(int(at)) for at in comparison.wrong] == [last]
    assert comparison.max_rel_error == pytest.approx(1e-6, rel=1e-6)


def test_worst_first() -> None:
    reference = np.zeros(100) + 1
    yours = reference.copy()
    yours[[3, 50, 70]] += [0.1, 0.3, 0.2]
    comparison = compare(yours, reference, EXACT)
    assert comparison.worst_first(10).tolist() == [50, 70, 3]
    assert comparison.worst_first(2).tolist() == [50, 70]


def test_worst_first_keeps_the_order_of_equals() -> None:
    comparison = compare(np.ones(5), np.zeros(5), EXACT)
    assert comparison.worst_first(10).tolist() == [0, 1, 2, 3, 4]


def test_nan_and_infinity_are_wrong_where_the_reference_is_finite() -> None:
    yours = np.array([1.0, np.nan, np.inf, 2.0])
    comparison = compare(yours, np.array([1.0, 1.0, 1.0, 1.5]), EXACT)
    assert comparison.wrong.tolist() == [1, 2, 3]
    assert comparison.max_abs_error == 0.5
    assert comparison.worst_first(1).tolist() == [1]


def test_a_reference_that_is_not_finite_says_nothing() -> None:
    comparison = compare(np.array([1.0, np.nan, 3.0]), np.array([np.nan, np.nan, np.inf]), EXACT)
    assert comparison.wrong.size == 0
    assert comparison.unknown.tolist() == [0, 1, 2]
    assert comparison.max_abs_error is None


def test_no_relative_error_against_zero() -> None:
    comparison = compare(np.array([1e-30, 5.0]), np.array([0.0, 5.0]), Tolerance(1e-9, 1e-12))
    assert comparison.wrong.size == 0
    assert comparison.max_rel_error == 0


def test_error_bars_widen_the_tolerance() -> None:
    yours, reference = np.array([1.1, 1.1]), np.array([1.0, 1.0])
    assert compare(yours, reference, EXACT, np.array([0.2, 0.0])).wrong.tolist() == [1]


def test_complex_and_narrow_gradients() -> None:
    reference = np.array([1 + 2j, 3.0])
    assert compare(reference.copy(), reference, EXACT).wrong.size == 0
    assert compare(reference.conj(), reference, EXACT).wrong.tolist() == [0]
    assert compare(np.array([1, 2], np.int64), np.array([1.0, 2.5]), EXACT).wrong.tolist() == [1]
    assert compare(np.array([2.0], np.float16), np.array([2.0]), EXACT).wrong.size == 0


def test_index_of_a_scalar() -> None:
    comparison = compare(np.asarray(1.0), np.asarray(2.0), EXACT)
    assert isinstance(comparison, Comparison)
    assert comparison.index(0) == ()
