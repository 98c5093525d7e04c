"""Right layers that were called wrong once, each at the inputs that did it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.checking.options import CheckOptions, Target
from gradcheck_cli.checking.targets import check_targets
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Status

ROOT = Path(__file__).parents[2]

ONCE = {
    "one rounding among numbers of 1e11, in an exponent": (
        ROOT / "benchmarks/detection/zoo/sequence.py",
        "soft_dtw",
        InputOptions(seed=944085376, draws=1, magnitude=118000.0, dimensions={"H": 4, "V": 1, "C": 12}),
    ),
    "an underflow of the reference, beside an overflow of the forward": (
        ROOT / "fixtures/derivatives/batches.py",
        "softplus",
        InputOptions(seed=401401701, draws=1, magnitude=35.6),
    ),
    "a gradient of which an upstream gradient in float64 rounds another term away": (
        ROOT / "fixtures/correct/no_words.py",
        "softmax",
        InputOptions(seed=2040104628, draws=1, dtype="float32", magnitude=122.0),
    ),
    "a saturated attention, of whose terms rounding leaves another sum under each upstream gradient": (
        ROOT / "benchmarks/detection/zoo/jax_layers.py",
        "causal_attention",
        InputOptions(seed=339223553, draws=1, magnitude=40200.0, dimensions={"H": 10, "V": 2, "M": 4}),
    ),
    "noise, which is not linear in anything": (
        ROOT / "benchmarks/detection/zoo/whitening.py",
        "KalmanStep",
        InputOptions(seed=967380610, draws=1, magnitude=91300.0),
    ),
    "a straight-through gradient exactly between two steps": (
        ROOT / "benchmarks/detection/zoo/quantizers.py",
        "quantizer",
        InputOptions(seed=2098874921, draws=1, magnitude=2.4e-6),
    ),
}


@pytest.mark.parametrize("what", ONCE)
def test_nothing_is_found(what: str) -> None:
    path, name, inputs = ONCE[what]
    report = check_targets([Target(path, name)], CheckOptions(inputs))
    assert not report.findings
    assert report.layers[0].status is not Status.FAIL
    assert report.layers[0].arguments


OVERFLOWING = """
import numpy as np


def softplus_forward(x):
    \"\"\"x: shape (N, D)\"\"\"
    return np.log1p(np.exp(x)), x


def softplus_backward(dout, cache):
    return dout * np.exp(cache)
"""


def test_beside_an_overflow_a_finite_reference_still_decides(tmp_path: Path) -> None:
    module = tmp_path / "softplus.py"
    module.write_text(OVERFLOWING)
    report = check_targets([Target(module)], CheckOptions(InputOptions(draws=2, magnitude=3.0)))
    assert report.layers[0].status is Status.FAIL
