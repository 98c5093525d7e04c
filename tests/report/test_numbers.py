from __future__ import annotations

import math

import pytest

from gradcheck_cli.report.numbers import (
    brief,
    counted,
    digits_that_tell_apart,
    duration,
    power,
    power_above,
    value,
    with_error,
)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0, "0"),
        (2.1e-16, "2.1e-16"),
        (1e-6, "1e-6"),
        (0.25, "0.25"),
        (123.4, "123"),
        (1.5e300, "1.5e+300"),
        (math.nan, "NaN"),
        (-math.inf, "-Inf"),
        (1 - 2j, "1-2j"),
        (complex(0.5, math.nan), "0.5+NaNj"),
    ],
)
def test_brief(number: float | complex | None, text: str) -> None:
    assert brief(number) == text


@pytest.mark.parametrize("difference", [1e-2, 1e-6, 1e-9, 1e-12, 2.3e-16])
def test_unequal_numbers_never_read_as_equal(difference: float) -> None:
    yours, reference = 0.7853981 * (1 + difference), 0.7853981
    digits = digits_that_tell_apart([(yours, reference)])
    assert value(yours, digits) != value(reference, digits)


def test_equal_missing_and_infinite_numbers_ask_for_no_further_digits() -> None:
    assert digits_that_tell_apart([(1.0, 1.0), (None, 2.0), (math.inf, 1.0), (0.0, math.nan)], least=5) == 5


def test_a_value_is_not_printed_further_than_its_error_bar() -> None:
    assert with_error(0.123456789, 1e-3, 9) == "0.1235 ± 1e-3"
    assert with_error(2.5, 0.0, 5) == "2.5 ± 0"
    assert with_error(2.5, math.inf, 5) == "2.5 ± Inf"
    assert with_error(None, 1.0, 5) == "–"


def test_words() -> None:
    assert power(3.2e-12) == "3e-12"


@pytest.mark.parametrize(
    ("sensitivity", "said"),
    [(3.01e-12, "4e-12"), (3e-12, "3e-12"), (9.2e-9, "1e-8"), (0.018, "0.02"), (0.97, "1"), (0.0, "0")],
)
def test_what_is_said_to_be_caught_is_never_less_than_what_is(sensitivity: float, said: str) -> None:
    assert power_above(sensitivity) == said
    assert counted(1, "layer") == "1 layer"
    assert counted(1024, "element") == "1,024 elements"
    assert [duration(seconds) for seconds in (0.042, 12.34, 125.0)] == ["0.04 s", "12.3 s", "2 min 5 s"]
