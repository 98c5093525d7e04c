"""From arrays to codes: greater is worse, and the worst of all are known in order."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.inspector.heat import (
    EXCUSED,
    LEVELS,
    MENDED,
    NOT_FINITE,
    RIGHT,
    UNKNOWN,
    WORST_KEPT,
    Scale,
    heat_of,
    is_low,
    level_of,
)
from gradcheck_cli.saved import model as marks


def test_levels_are_even_in_the_logarithm() -> None:
    scale = Scale(1e2, 1e10)
    assert scale.levels(np.array([1e2, 1e3, 1e6, 9e9, 1e10])).tolist() == [1, 2, 5, 9, 9]
    assert scale.bound(1) == pytest.approx(1e2) and scale.bound(5) == pytest.approx(1e6)


def test_errors_of_one_size_are_all_the_worst() -> None:
    assert Scale(7.0, 7.0).levels(np.array([7.0, 7.0])).tolist() == [LEVELS, LEVELS]


def test_codes_tell_what_is_wrong_and_to_which_side() -> None:
    reference = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    yours = np.array([1.0, 2.5, 2.0, np.nan, 5.5, np.inf])
    found = np.array([marks.RIGHT, marks.WRONG, marks.WRONG, marks.WRONG, marks.EXCUSED, marks.UNKNOWN], np.uint8)
    heat = heat_of(yours, reference, np.array(0.01), found)
    codes = heat.codes.tolist()
    assert codes[0] == RIGHT and codes[3:] == [NOT_FINITE, EXCUSED, UNKNOWN]
    assert (level_of(codes[1]), is_low(codes[1])) == (1, False)
    assert (level_of(codes[2]), is_low(codes[2])) == (LEVELS, True)
    assert heat.worst.tolist() == [3, 2, 1]
    assert heat.wrong == 3 and (heat.scale.low, heat.scale.high) == (pytest.approx(50), pytest.approx(100))


def test_greater_codes_are_worse() -> None:
    assert RIGHT < MENDED < UNKNOWN < EXCUSED < 4 < NOT_FINITE
    levels = [level_of(code) for code in range(4, NOT_FINITE)]
    assert levels == sorted(levels) and set(levels) == set(range(1, LEVELS + 1))


def test_the_tolerance_of_each_element_counts() -> None:
    yours, reference = np.array([1.1, 1.1]), np.ones(2)
    heat = heat_of(yours, reference, np.array([1e-3, 1e-9]), np.full(2, marks.WRONG, np.uint8))
    assert heat.worst.tolist() == [1, 0]


def test_a_tolerance_of_zero_divides_nothing_by_zero() -> None:
    heat = heat_of(np.array([1.0, 2.0]), np.zeros(2), np.array(0.0), np.full(2, marks.WRONG, np.uint8))
    assert [level_of(code) for code in heat.codes.tolist()] == [LEVELS, LEVELS] or heat.worst.tolist() == [1, 0]


def test_what_was_wrong_before_is_mended() -> None:
    before = np.array([marks.WRONG, marks.RIGHT, marks.WRONG], np.uint8)
    now = np.array([marks.RIGHT, marks.RIGHT, marks.WRONG], np.uint8)
    codes = heat_of(np.array([1.0, 1.0, 2.0]), np.ones(3), np.array(1e-3), now, before).codes
    assert codes.tolist()[:2] == [MENDED, RIGHT] and level_of(int(codes[2])) == LEVELS


def test_complex_errors_have_a_side_by_their_real_part() -> None:
    yours, reference = np.array([1 + 2j, 1 - 1j]), np.array([2 + 2j, 1 + 1j])
    codes = heat_of(yours, reference, np.array(1e-3), np.full(2, marks.WRONG, np.uint8)).codes.tolist()
    assert is_low(codes[0]) and is_low(codes[1])


def test_half_precision_is_subtracted_in_double() -> None:
    yours, reference = np.array([1.001], np.float16), np.array([1.0], np.float16)
    heat = heat_of(yours, reference, np.array(1e-9), np.array([marks.WRONG], np.uint8))
    assert heat.scale.high == pytest.approx(float(np.float16(1.001)) * 1e9 - 1e9, rel=1e-6)


def test_of_very_many_the_worst_are_put_in_order() -> None:
    rng = np.random.default_rng(0)
    error = rng.permutation(np.arange(1.0, 50_001.0))
    heat = heat_of(error, np.zeros(50_000), np.array(1e-3), np.full(50_000, marks.WRONG, np.uint8))
    assert heat.worst.size == WORST_KEPT
    assert error[heat.worst].tolist() == list(np.arange(50_000.0, 50_000.0 - WORST_KEPT, -1))


def test_a_right_gradient_has_no_worst() -> None:
    heat = heat_of(np.ones((2, 3)), np.ones((2, 3)), np.array(1e-3), np.zeros((2, 3), np.uint8))
    assert heat.worst.size == 0 and heat.wrong == 0 and not heat.has(EXCUSED) and heat.codes.shape == (2, 3)
