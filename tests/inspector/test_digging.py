"""What was dug up, as text."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gradcheck_cli.inspector.digging import contributions_content, curve_content
from gradcheck_cli.inspector.leaf import Facts
from gradcheck_cli.inspector.session import Contribution, Curve, Dug

STEPS = 2.0 ** -np.arange(3, 13)
CURVE = Curve(STEPS, 1.0 + STEPS**2, 1.0, chosen=8, plateau=(6, 9), value=1.0, bar=1e-9, forward=1.0, backward=1.0)
FACTS = Facts((0,), yours=2.0, autodiff=1.0)


@pytest.mark.parametrize(("backward", "is_kink"), [(1.0, False), (1.0 + 1e-9, False), (0.0, True), (-1.0, True)])
def test_slopes_that_differ_are_told_as_a_kink(backward: float, is_kink: bool) -> None:
    text = curve_content(Dug(replace(CURVE, backward=backward)), 60, 20, FACTS).plain
    assert "left | right" in text
    assert ("a kink" in text) is is_kink


def told(curve: Curve, facts: Facts, height: int = 20) -> str:
    """The text of a curve, folded lines joined."""
    return " ".join(curve_content(Dug(curve), 60, height, facts).plain.split())


def test_why_there_is_no_curve_is_said() -> None:
    nothing = np.full_like(STEPS, math.nan)
    assert "the forward is not finite" in told(replace(CURVE, values=nothing, reference=math.nan, value=None), FACTS)
    assert "neither autodiff's gradient nor" in told(replace(CURVE, reference=math.nan, value=None), FACTS)
    assert "chosen" not in told(replace(CURVE, values=nothing, reference=math.nan, value=math.nan, bar=math.inf), FACTS)
    assert "no room for the curve" in told(CURVE, FACTS, height=3)
    assert "There is no curve" not in told(CURVE, FACTS) and "no room" not in told(CURVE, FACTS)


def test_what_the_curve_is_held_against_is_said_where_it_is_not_autodiff() -> None:
    for autodiff in (math.nan, None):
        assert "held against the chosen difference" in told(CURVE, replace(FACTS, autodiff=autodiff))
    for known in (FACTS, replace(FACTS, autodiff=math.nan, reference=1.0)):
        assert "held against" not in told(CURVE, known)


@pytest.mark.parametrize(
    ("autodiff", "label"), [(1.0, "together: autodiff"), (math.nan, "together"), (None, "together")]
)
def test_the_sum_of_the_paths_is_called_autodiffs_where_it_is(autodiff: float | None, label: str) -> None:
    dug = Dug(contributions=(Contribution("x * y", 3, 0.25), Contribution("x + y", 4, 0.75)))
    lines = contributions_content(dug, replace(FACTS, autodiff=autodiff)).plain.splitlines()
    assert lines[-2].split("  ", 2)[-1].strip().endswith(label)
    assert lines[-2].split()[0] == "1"
