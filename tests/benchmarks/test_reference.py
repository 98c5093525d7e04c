"""The high-precision reference: right to what it claims, and in longdouble where the forward keeps that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection.reference import derivative, precision_of, ridders, verify
from tests.benchmarks.zoo_modules import GATE, KEEPS, SEVERAL, right


@pytest.mark.parametrize("at", [0.3, -1.2, 2.5])
@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (np.exp, np.exp),
        (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
        (lambda x: np.sin(20 * x), lambda x: 20 * np.cos(20 * x)),
        (lambda x: x**7, lambda x: 7 * x**6),
    ],
)
@pytest.mark.parametrize(("kind", "close"), [(np.longdouble, 1e-12), (np.float64, 1e-9)])
def test_the_error_estimate_is_honest(
    at: float, function: Callable[..., float], slope: Callable[..., float], kind: type, close: float
) -> None:
    found = ridders(lambda step: function(kind(at) + step), abs(at), kind)
    off = abs(found.value - float(slope(kind(at))))
    # ten estimates are what `verify` allows; a value that is exact to a float's rounding has nothing to claim
    assert off <= 10 * found.error + 4e-16 * abs(found.value)
    assert found.error < close * max(1.0, abs(found.value))


def test_noise_shows_in_the_error_estimate() -> None:
    def noisy(step: float) -> float:
        return float(np.round(np.sin(0.7 + step), 7))

    found = ridders(noisy, 0.7, np.float64)
    assert abs(found.value - np.cos(0.7)) <= 10 * found.error
    assert found.error > 1e-8


@pytest.mark.parametrize(
    ("source", "layer"), [(GATE, "gate"), (KEEPS, "keep"), (SEVERAL, "attend"), (SEVERAL, "Scale")]
)
def test_a_right_backward_is_verified_in_longdouble(tmp_path: Path, source: str, layer: str) -> None:
    held = verify(right(tmp_path, source, layer), most=10)
    assert held.precision == "longdouble"
    assert held.wrong == 0
    assert held.elements >= 20
    assert held.worst < 1e-12
    assert held.error < 1e-8  # the claim of an element that is zero is held against a millionth of the largest


def test_a_wrong_backward_is_not(tmp_path: Path) -> None:
    wrong = GATE.replace("a = live * w + 0.0", "a = live * w * (1 + 2e-6)")
    assert verify(right(tmp_path, wrong, "gate"), most=10).wrong > 0


def test_float64_where_longdouble_does_not_work(tmp_path: Path) -> None:
    inverse = (
        "import numpy as np\n\n\n"
        'def inverse_forward(a):\n    """a: shape (D, D)"""\n'
        "    out = np.linalg.inv(a + 4 * np.eye(len(a)))\n    return out, out\n\n\n"
        "def inverse_backward(dout, out):\n    return -out.T @ dout @ out.T\n"
    )
    sound = right(tmp_path, inverse, "inverse")
    assert precision_of(sound) == "float64"
    held = verify(sound, most=5)
    assert held.wrong == 0
    assert held.worst < 1e-8


def test_one_element(tmp_path: Path) -> None:
    sound = right(tmp_path, KEEPS, "keep")
    drawn = sound.draws[0]
    x, g = drawn.case.leaves[0].value, drawn.upstream.flat[0]
    found = derivative(sound, drawn, 0, (1, 2), "longdouble")
    assert found.value == pytest.approx(g[1, 2] * (1 - np.tanh(x[1, 2]) ** 2), rel=1e-13)


@pytest.mark.parametrize(("wrong", "found"), [("", False), (" * 1.001", True)])
def test_a_kink_within_the_first_steps_is_looked_past(tmp_path: Path, wrong: str, found: bool) -> None:
    source = """
import numpy as np


def near_forward(x):
    '''
    - x: of shape (N, D)
    '''
    return x - 2.5 * np.maximum(x - KINK, 0), x


def near_backward(dout, x):
    return dout * (1 - 2.5 * (x > KINK))WRONG
""".replace("WRONG", wrong)
    drawn = right(tmp_path, source.replace("KINK", "0"), "near").draws[0].case.leaves[0].value
    kink = f"(np.array({(drawn * 1.0002).tolist()}) if x.shape == {drawn.shape} else 0)"
    held = verify(right(tmp_path, source.replace("KINK", kink), "near"))
    assert held.elements > 0 and held.kinks == 0
    assert (held.wrong > 0) is found
