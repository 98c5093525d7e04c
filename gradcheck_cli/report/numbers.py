"""Numbers as a person reads them: few digits, but always enough to show that two of them differ."""

from __future__ import annotations

import math
from collections.abc import Iterable

Number = float | complex

_MOST_DIGITS = 17
"""Significant digits that tell any two float64 values apart."""


def brief(value: Number | None, digits: int = 2) -> str:
    """An error or a ratio: `3.1e-16`, `0`, `0.25`; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, complex):
        return _complex(value, digits)
    return _real(float(value), digits)


def power(value: float) -> str:
    """A size of which only the order matters: `3e-12`."""
    return "0" if value == 0 else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e+")


def power_above(value: float) -> str:
    """The same, `0.02` where that is short, and never below `value`: what is said to be caught is caught."""
    if value <= 0 or not math.isfinite(value):
        return power(value)
    unit = 10.0 ** math.floor(math.log10(value))
    above = math.ceil(value / unit * (1 - 1e-12)) * unit
    return f"{above:.1g}" if 1e-3 <= above < 10 else power(above)


def digits_that_tell_apart(pairs: Iterable[tuple[Number | None, Number | None]], least: int = 5) -> int:
    """Significant digits at which each pair of unequal finite numbers reads as unequal, and two digits of how far."""
    digits = least
    for first, second in pairs:
        if first is None or second is None or not _finite(first) or not _finite(second) or first == second:
            continue
        size = max(abs(first), abs(second))
        digits = max(digits, math.ceil(-math.log10(abs(first - second) / size)) + 2)
    return min(digits, _MOST_DIGITS)


def value(number: Number | None, digits: int) -> str:
    """One value of a gradient, to so many significant digits."""
    return brief(number, digits)


def with_error(number: Number | None, error: float | None, digits: int) -> str:
    """`2.50000 ± 3e-10`: to no more digits than the error bar leaves, and one."""
    if number is None:
        return "–"
    if error is None:
        return value(number, digits)
    if not _finite(number) or not math.isfinite(error):
        return f"{value(number, digits)} ± {brief(error)}"
    if error > 0 and abs(number) > 0:
        known = math.floor(math.log10(abs(number))) - math.floor(math.log10(error)) + 2
        digits = max(2, min(digits, known))
    return f"{value(number, digits)} ± {power(error)}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 layer`, `2 layers`, `1,024 elements`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """`0.04 s`, `12.3 s`, `2 min 5 s`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def _finite(number: Number) -> bool:
    return math.isfinite(number.real) and math.isfinite(number.imag)


def _real(number: float, digits: int) -> str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Inf" if number > 0 else "-Inf"
    if number == 0:
        return "0"
    if 1e-3 <= abs(number) < 10**6:
        return f"{number:.{digits}g}" if abs(number) < 10**digits else f"{number:.0f}"
    return _short_exponent(f"{number:.{digits - 1}e}")


def _complex(number: complex, digits: int) -> str:
    imaginary = _real(number.imag, digits)
    sign = "" if imaginary.startswith("-") else "+"
    return f"{_real(number.real, digits)}{sign}{imaginary}j"


def _short_exponent(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent):+d}"
