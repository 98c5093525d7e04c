"""When a difference from the truth is an instability, and when it is what rounding does to anybody."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.judge.instability import Scale, compare, symptom_of
from gradcheck_cli.witnesses.extended.gradients import Precise

DOUBLE = Scale(2.0**-52, 1.7e308, 1.0)


def truth(values, rounding=0.0, drift=0.0):
    values = np.array(values, np.longdouble)
    return Precise((values,), (np.full(values.shape, rounding),), (np.full(values.shape, drift),))


def test_nan_and_infinity_are_lost_where_the_truth_is_finite():
    found = compare(np.array([np.nan, np.inf, 1.0, np.nan]), truth([1.0, 2.0, 1.0, np.inf]), 0, DOUBLE)
    assert found.lost.tolist() == [True, True, False, False]
    assert found.unknown.tolist() == [False, False, False, True]
    assert not found.wrong.any()


def test_infinity_is_right_where_the_dtype_ends():
    single = Scale(2.0**-23, 3.4e38, 1.0)
    found = compare(np.array([np.inf]), truth([1e39]), 0, single)
    assert not found.lost.any()


@pytest.mark.parametrize(("error", "is_wrong"), [(1e-4, False), (2e-3, True), (0.5, True)])
def test_an_error_counts_above_a_thousandth(error, is_wrong):
    assert compare(np.array([1.0 + error]), truth([1.0]), 0, DOUBLE).wrong.any() == is_wrong


@pytest.mark.parametrize(("epsilon", "error", "is_wrong"), [(2.0**-23, 0.01, False), (2.0**-10, 0.1, False)])
def test_narrow_dtypes_have_more_room(epsilon, error, is_wrong):
    assert compare(np.array([1.0 + error]), truth([1.0]), 0, Scale(epsilon, 6e4, 1.0)).wrong.any() == is_wrong


def test_what_a_rounding_of_the_inputs_explains_is_no_instability():
    yours = np.array([1.5])
    assert compare(yours, truth([1.0], drift=1e-5), 0, DOUBLE).wrong.any()
    assert not compare(yours, truth([1.0], drift=1e-3), 0, DOUBLE).wrong.any()


def test_a_truth_that_is_not_known_accuses_nobody():
    assert not compare(np.array([1.5]), truth([1.0], rounding=0.01), 0, DOUBLE).wrong.any()
    assert not compare(np.array([np.nan]), truth([1.0], rounding=0.01), 0, DOUBLE).lost.any()


def test_what_is_nothing_beside_moderate_values_is_no_error():
    """`1 - tanh(x)**2` is 0 at 40, and the truth is 1e-34."""
    assert not compare(np.array([0.0]), truth([1e-34]), 0, DOUBLE).wrong.any()
    tiny = Scale(2.0**-52, 1.7e308, 1e-34)
    assert compare(np.array([0.0]), truth([1e-34]), 0, tiny).wrong.any()


def test_a_symptom_names_the_worst_element():
    yours, exact = np.array([[1.0, 3.0], [2.0, 1.0]]), np.ones((2, 2))
    symptom = symptom_of(yours, exact, yours != exact, code="GC403", leaf=0)
    assert (symptom.index, symptom.yours, symptom.truth, symptom.count) == ((0, 1), 3.0, 1.0, 2)
    assert symptom_of(yours, exact, np.zeros((2, 2), bool), code="GC403", leaf=0) is None
