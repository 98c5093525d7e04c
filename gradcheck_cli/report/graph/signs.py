"""What stands inside a gate when it is drawn: `+`, `×`, `exp`, `1/x`, or a function's name."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from gradcheck_cli.report.graph.model import Gate
from gradcheck_cli.report.numbers import brief

SIGNS = {
    "add": "+",
    "subtract": "−",
    "multiply": "×",
    "divide": "÷",
    "negate": "×-1",
    "reciprocal": "1/x",
    "matrix product": "@",
    "square": "x²",
    "sqrt": "√x",
    "rsqrt": "1/√x",
    "sum": "Σ",
    "transpose": "xᵀ",
    "sigmoid": "σ",
    "logistic": "σ",
    "abs": "|x|",
}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MOST_DIGITS = 3


def sign(gate: Gate) -> str:
    """The sign of an operation, with the constant in it; the name of a function."""
    if gate.parts and not gate.expression:  # a call: the user's own `add` need not add
        return SIGNS["sigmoid"] if gate.operation == "sigmoid" else gate.operation
    known = SIGNS.get(gate.operation, gate.operation)
    constant, is_first = _constant(gate)
    if power := re.fullmatch(r"power (-?\d+)", gate.operation):
        return "x" + power[1].translate(_SUPERSCRIPTS)
    if constant is None:
        return "+c" if gate.operation == "add a constant" else known
    text = brief(constant, _MOST_DIGITS)
    if gate.operation in ("add a constant", "add"):
        return f"−{text[1:]}" if text.startswith("-") else f"+{text}"
    if gate.operation == "subtract":
        return f"{text}−x" if is_first else f"−{text}"
    if gate.operation in ("scale", "multiply"):
        return f"÷{text}" if _divides(gate, constant) else f"×{text}"
    if gate.operation == "divide":
        return f"{text}/x" if is_first else f"÷{text}"
    if gate.operation in ("max", "min"):
        return f"{gate.operation}({text}, x)"
    if gate.operation == "power":
        return f"{text}ˣ" if is_first else f"x^{text}"
    return known


def _constant(gate: Gate) -> tuple[float | None, bool]:
    """The number that is one of two operands, and whether it is the first."""
    if len(gate.inputs) != 2 or gate.parts:
        return None, False
    for position, port in enumerate(gate.inputs):
        if port.wire is None and (number := _one_number(port.constant)) is not None:
            return number, position == 0
    return None, False


def _one_number(constant: Any) -> float | None:
    """All elements of a constant are the same real number: that; else None."""
    if constant is None:
        return None
    known = np.asarray(constant)
    if known.dtype.kind not in "iuf" or known.size == 0 or not bool(np.all(known == known.flat[0])):
        return None
    return float(known.flat[0])


def _divides(gate: Gate, constant: float) -> bool:
    """A `scale` is a product or a quotient: the local gradient tells which."""
    local = next((port.local for port in gate.inputs if port.wire is not None), None)
    if local is None or constant == 0 or abs(constant) == 1 or np.size(local) == 0:
        return False
    return bool(np.allclose(np.asarray(local, dtype=np.float64) * constant, 1.0, rtol=1e-3))
