"""The table of three witnesses, row by row, and the kinks."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.judge.evidence.table import Row, Verdict, decide
from gradcheck_cli.judge.kinks.slopes import kink, may_be_kink, to_ask
from gradcheck_cli.witnesses.gradients import Difference


def row(yours: float | None, autodiff: float | None, difference: Difference | None, tolerance: float = 1e-10) -> Row:
    agree = yours is not None and autodiff is not None and abs(yours - autodiff) <= tolerance
    return Row(yours, autodiff, agree, difference, tolerance, 1.0)


SHARP = Difference(1.0, 1e-9)


@pytest.mark.parametrize(
    ("yours", "autodiff", "difference", "verdict"),
    [
        (1.0, 1.0, SHARP, Verdict.RIGHT),
        (2.0, 1.0, SHARP, Verdict.WRONG),
        (1.0, 2.0, SHARP, Verdict.RIGHT_BY_DIFFERENCES),
        (2.0, 2.0, SHARP, Verdict.BOTH_OFF),
        (3.0, 2.0, SHARP, Verdict.WRONG_BY_DIFFERENCES),
        (3.0, 2.0, Difference(1.0, 0.6), Verdict.UNKNOWN),
        (1.0, 1.0, None, Verdict.RIGHT),
        (2.0, 1.0, None, Verdict.WRONG),
        (1.0 + 1e-6, 1.0, Difference(1.0, 1e-3), Verdict.WRONG),
        (1.0, np.nan, SHARP, Verdict.RIGHT_BY_DIFFERENCES),
        (1.0, np.nan, Difference(1.0, 0.1), Verdict.UNKNOWN),
        (2.0, np.nan, SHARP, Verdict.WRONG_BY_DIFFERENCES),
        (np.nan, 1.0, SHARP, Verdict.WRONG),
        (np.nan, np.nan, SHARP, Verdict.WRONG_BY_DIFFERENCES),
        (1.0, np.nan, Difference(np.nan, np.inf), Verdict.UNKNOWN),
        (None, 1.0, SHARP, Verdict.UNKNOWN),
        (1.0, 1.0 + 1e-7, Difference(1.0, 1e-9), Verdict.WRONG),
        (1.0, 1.0, Difference(1.0 + 1e-7, 1e-9), Verdict.RIGHT),
    ],
)
def test_table(yours: float | None, autodiff: float, difference: Difference | None, verdict: Verdict) -> None:
    assert decide(row(yours, autodiff, difference)) is verdict


KINK = Difference(0.5, 0.6, forward=1.0, backward=0.0, one_sided_error=1e-6)


@pytest.mark.parametrize("yours", [0.0, 0.3, 1.0, 1.0 + 5e-7])
def test_any_value_between_the_slopes_is_right_at_a_kink(yours: float) -> None:
    assert decide(row(yours, 0.5, KINK)) is Verdict.KINK


@pytest.mark.parametrize("yours", [-0.1, 1.1, 2.0, np.nan])
def test_a_value_beyond_the_slopes_is_wrong_at_a_kink(yours: float) -> None:
    assert decide(row(yours, 0.5, KINK)) is Verdict.WRONG


def test_autodiff_beyond_the_slopes_and_yours_within() -> None:
    sharp = Difference(0.5, 1e-9, forward=1.0, backward=0.0, one_sided_error=1e-6)
    assert decide(row(0.0, 7.0, sharp)) is Verdict.KINK


def test_slopes_that_agree_are_no_kink() -> None:
    assert kink(Difference(1.0, 1e-9, 1.0, 1.0 + 1e-7, 1e-6), 1e-10) is None
    assert kink(Difference(1.0, 1e-9, 2.0, 0.0, 1.0), 1e-10) is None
    assert kink(Difference(1.0, 1e-9), 1e-10) is None
    found = kink(KINK, 1e-10)
    assert found is not None
    assert (found.lower, found.upper) == (0.0, 1.0)


def test_a_smooth_place_is_not_asked_for_its_sides() -> None:
    assert not may_be_kink(2.0, SHARP, 1e-10)
    assert may_be_kink(1.0, KINK, 1e-10)
    assert not may_be_kink(np.nan, KINK, 1e-10)


def test_a_few_are_asked_until_one_shows_a_kink() -> None:
    known = dict.fromkeys(range(50), SHARP)
    assert len(to_ask(range(50), known, kink_seen=False)) == 8
    assert len(to_ask(range(50), known, kink_seen=True)) == 50
    asked = {**known, **dict.fromkeys(range(8), KINK)}
    assert to_ask(range(50), asked, kink_seen=False) == []
