"""Where the differences of an element agree, and where they do not; what a saved run knows of them."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.inspector.curves import SHORTEST, held_against, kept_curve, nearest, plateau
from gradcheck_cli.saved.model import Held, KeptLeaf
from tests.saved import runs

STEPS = 2.0 ** -np.arange(3.0, 41.0)


def differences(derivative: float, truncation: float, noise: float) -> np.ndarray:
    """With an error of h² and one of 1/h, of the sign that a rounded value happens to have."""
    signs = np.where(np.arange(len(STEPS)) % 3 == 0, 1.0, -1.0)
    return derivative + truncation * STEPS**2 + signs * noise / STEPS


def test_a_curve_is_held_against_a_number() -> None:
    assert held_against(2.0, 3.0) == 2.0
    assert held_against(None, 3.0) == held_against(np.nan, 3.0) == held_against(np.inf, 3.0) == 3.0
    assert np.isnan(held_against(np.nan, None))


def test_the_plateau_lies_between_truncation_and_round_off() -> None:
    values = differences(2.0, truncation=1.0, noise=1e-16)
    found = plateau(values, 1e-9)
    assert found is not None
    first, last = found
    assert np.abs(values[first : last + 1] - 2.0).max() < 1e-4
    assert 0 < first < last < len(STEPS) - 1
    assert abs(values[0] - 2.0) > 1e-3 and abs(values[-1] - 2.0) > 1e-5


def test_a_bar_that_is_known_decides_what_agrees() -> None:
    values = differences(0.0, truncation=1.0, noise=1e-12)
    narrow, wide = plateau(values, None), plateau(values, 1e-3)
    assert wide is not None and wide[1] - wide[0] > 5
    assert narrow is None or narrow[1] - narrow[0] < wide[1] - wide[0]


def test_nothing_agrees_at_a_jump() -> None:
    assert plateau(1 / STEPS, 1e-9) is None


@pytest.mark.parametrize("values", [[], [1.0], [np.nan] * 9, [1.0, 1.0], [1.0, 1.0, np.nan]])
def test_too_few_values_are_no_plateau(values: list[float]) -> None:
    assert SHORTEST == 3
    assert plateau(np.array(values), 1.0) is None


def test_values_that_are_not_finite_end_it() -> None:
    assert plateau(np.array([np.inf, np.nan, 1.0, 1.0, 1.0, np.nan, 1.0]), None) == (2, 4)


def test_the_nearest_step_is_by_ratio() -> None:
    assert nearest(np.array([1.0, 0.1, 0.01]), 0.2) == 1
    assert nearest(np.array([1.0, 0.1, 0.01]), 1e-9) == 2
    for step in (None, float("nan"), 0.0):
        assert nearest(np.array([1.0]), step) is None
    assert nearest(np.empty(0), 0.1) is None


def test_a_kept_curve_has_its_difference_and_no_more_than_was_kept() -> None:
    leaf = runs.kept().leaves[0]
    curve = kept_curve(leaf, 2)
    assert curve is not None
    assert curve.steps.tolist() == [0.1, 0.01] and np.isnan(curve.values[1])
    assert curve.value == curve.reference == leaf.read("autodiff").reshape(-1)[2]  # type: ignore[union-attr]
    assert (curve.bar, curve.forward, curve.backward, curve.chosen, curve.plateau) == (1e-10, None, None, None, None)


def test_an_element_that_was_differenced_has_no_steps_and_another_has_nothing() -> None:
    leaf = runs.kept().leaves[0]
    curve = kept_curve(leaf, 7)
    assert curve is not None
    assert not len(curve.steps) and curve.value is not None and curve.bar is None
    assert kept_curve(leaf, 3) is None
    assert kept_curve(KeptLeaf("b", "db", (), arrays={"yours": Held(np.array(1.0))}), 0) is None
