"""Numbers and strings as strict JSON parsers take them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def number(value: Any) -> Any:
    """A number as JSON can carry it; None stays None."""
    if value is None:
        return None
    if isinstance(value, (complex, np.complexfloating)):
        return {"real": number(float(value.real)), "imag": number(float(value.imag))}
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    real = float(value)
    if math.isnan(real):
        return "NaN"
    if math.isinf(real):
        return "Infinity" if real > 0 else "-Infinity"
    return real


def text(content: str) -> str:
    """A string that is valid UTF-8: a lone surrogate, which strict parsers refuse, is spelled out."""
    return content.encode("utf-8", "backslashreplace").decode("utf-8")
