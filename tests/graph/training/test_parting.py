"""What rounding does is measured, and only what goes beyond it has parted."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.graph.training.parameters import Parameter
from gradcheck_cli.graph.training.parting import FLOOR, SAFETY, Rounding, distance, same_within
from gradcheck_cli.layers.precision import epsilon

START = np.array([1.0, -2.0, 0.0])
W = Parameter("fc.w", "fc", "dw", ((0, 1),), START)
EPS = epsilon(np.dtype(np.float64))


def test_the_third_run_begins_one_rounding_off():
    third = Rounding([W], EPS, 0).start()["fc.w"]
    assert np.all(third != START)
    assert np.all(np.abs(third - START) <= EPS * 2)


def test_gradients_are_off_by_roundings_or_by_what_was_observed():
    rounding = Rounding([W], EPS, 0)
    exact = {"fc.w": np.array([1.0, 0.5, 0.0])}
    off = np.abs(rounding.gradients(exact, {})["fc.w"] - exact["fc.w"])
    assert np.all((off > 0) & (off < 8 * EPS))
    off = np.abs(rounding.gradients(exact, {"fc.w": 1e-9})["fc.w"] - exact["fc.w"])
    assert off == pytest.approx(1e-9, rel=1e-6)


def test_parted_is_beyond_a_multiple_of_what_rounding_does():
    rounding = Rounding([W], EPS, 0)
    rounding.look({"fc.w": START}, {"fc.w": START + 1e-12})
    rounding.look({"fc.w": START}, {"fc.w": START})
    assert rounding.reached["fc.w"] == pytest.approx(1e-12, rel=1e-3)
    bound = SAFETY * rounding.reached["fc.w"] + FLOOR * EPS * 2
    assert rounding.parted(W, 3, START + 0.99 * bound, START) is None
    parted = rounding.parted(W, 3, START + 1.01 * bound, START)
    assert parted is not None
    assert (parted.step, parted.rounding) == (3, rounding.reached["fc.w"])


def test_distance_of_what_is_not_finite():
    nan = np.array([np.nan, 1.0])
    assert distance(nan, nan) == 0
    assert distance(nan, np.ones(2)) == np.inf
    assert distance(np.array([np.inf]), np.array([np.inf])) == 0


def test_narrow_gradients_agree_within_more():
    assert same_within(EPS) < 1e-10
    assert 1e-5 < same_within(epsilon(np.dtype(np.float32))) < 1e-3
