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


@pytest.mark.parametrize(
    ("autodiff", "label"), [(1.0, "together: autodiff"), (math.nan, "together"), (None, "together")]
)
def test_the_sum_of_the_paths_is_called_autodiffs_where_it_is(autodiff: float | None, label: str) -> None:
    dug = Dug(contributions=(Contribution("x * y", 3, 0.25), Contribution("x + y", 4, 0.75)))
    lines = contributions_content(dug, replace(FACTS, autodiff=autodiff)).plain.splitlines()
    assert lines[-2].split("  ", 2)[-1].strip().endswith(label)
    assert lines[-2].split()[0] == "1"
