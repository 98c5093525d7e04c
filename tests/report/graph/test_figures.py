from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.report.graph.figures import figure, is_number, measure, norm


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7310585786, "0.73"),
        (-0.5339, "-0.53"),
        (2.0, "2.00"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.00123456, "0.00123"),
        (1e-7, "1e-7"),
        (1000.0, "1000.00"),
        (123456.0, "123456"),
        (3e20, "3e+20"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Inf"),
        (3, "3"),
        (True, "True"),
        (1 + 2j, "1.00+2.00j"),
        (1 - 2j, "1.00-2.00j"),
        ([2.0, -3.0, -3.0], "[2, -3, -3]"),
        ([-0.1966, 0.0, 0.5], "[-0.20, 0, 0.50]"),
        ([[1.5, 2.0], [3.0, 4.0]], "[[1.50, 2.00], [3.00, 4.00]]"),
        ([np.nan, 1.0], "[NaN, 1.00]"),
        ([True, False], "[True, False]"),
        (np.zeros((0, 3)), "0×3 empty"),
        (np.linspace(-2.1, 1.4, 21).reshape(3, 7), "3×7 from -2.1 to 1.4"),
        (np.arange(7), "(7,) from 0 to 6"),
        (np.ones((2, 3)), "2×3 all 1"),
        (np.array([1.0, np.nan, 2, 3, np.inf]), "(5,) from 1 to 3, 2 not finite"),
        (np.full(5, np.nan), "(5,) nothing finite"),
        (None, "–"),
    ],
)
def test_a_figure(value: Any, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.50"),
        (np.full((3, 7), 0.5), "3×7 ‖2.3‖"),
        (np.array([3.0, 0, 0, 0, 4.0]), "(5,) ‖5‖"),
        (np.full(5, np.nan), "(5,) ‖NaN‖"),
        (np.array(["a"] * 5), "(5,) <U1"),
    ],
)
def test_a_measure(value: Any, text: str) -> None:
    assert measure(value) == text


def test_half_precision_does_not_overflow() -> None:
    assert norm(np.full(10_000, 300, dtype=np.float16)) == pytest.approx(30_000)
    assert norm(np.full(4, 1e200)) == pytest.approx(2e200)


def test_numbers_in_words() -> None:
    assert [word for word in ("1", "-1", "0.5", "w", "", "1 for each", "-") if is_number(word)] == ["1", "-1", "0.5"]
