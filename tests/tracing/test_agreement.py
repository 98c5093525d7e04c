"""A trace with other values than the forward is refused, and the line where they part is named."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.report.model import Status
from gradcheck_cli.tracing.dual import new
from gradcheck_cli.tracing.functions import RULES

LAYER = """
import numpy as np


def spread_forward(x):
    '''- x: of shape (N, D)'''
    doubled = 2 * x
    spread = np.ptp(doubled, axis=1)
    return spread[:, None] * x, x


def spread_backward(dout, x):
    rows = np.arange(len(x))
    spread = np.ptp(2 * x, axis=1)
    dx = dout * spread[:, None]
    total = 2 * (dout * x).sum(axis=1)
    dx[rows, x.argmax(axis=1)] += total
    dx[rows, x.argmin(axis=1)] -= total
    return dx
"""


@pytest.fixture
def layer(tmp_path):
    path = tmp_path / "spread.py"
    path.write_text(LAYER)
    return path


def run(path):
    return check_targets([Target(path)], CheckOptions(settings=Settings(shrink=False, diagnose=False))).layers[0]


def test_the_right_layer_has_three_witnesses(layer):
    report = run(layer)
    assert report.status is Status.PASS
    assert "autodiff" in report.witnesses


def test_a_planted_wrong_rule_silences_autodiff_and_names_the_line(layer, monkeypatch):
    wrong = lambda a, axis: new(np.ptp(a.value, axis=axis), a.tracer.max(axis=axis))  # noqa: E731
    monkeypatch.setitem(RULES, "ptp", wrong)
    report = run(layer)
    assert report.status is Status.PASS  # finite differences decide
    assert "autodiff" not in report.witnesses
    note = next(note for note in report.notes if "Autodiff is unavailable" in note)
    assert "line 8" in note
    assert "the traced forward gives" in note


def test_finite_differences_alone_still_find_a_wrong_backward(layer, monkeypatch):
    monkeypatch.setitem(RULES, "ptp", lambda a, axis: new(np.ptp(a.value, axis=axis), a.tracer.max(axis=axis)))
    layer.write_text(LAYER.replace("-= total", "+= total"))
    report = run(layer)
    assert report.status is Status.FAIL
    assert report.findings[0].autodiff is None


CHAOS = """
import jax.numpy as jnp
import numpy as np

from gradcheck_cli import layer


def chaos(x):
    for _ in range(60):
        x = 3.9 * x * (1 - x)
    return x, None


def mirrored(x):
    for _ in range(60):
        x = {again} * x - 3.9 * x * x
    return x


def zero(dout, cache):
    return np.zeros_like(dout)


iterated = layer(
    forward=chaos,
    backward=zero,
    reference=mirrored,
    inputs=lambda rng: {{"x": rng.uniform(0.2, 0.8, (3, 4))}},
)
"""


def test_a_forward_that_a_rounding_of_its_inputs_changes_as_much_is_not_another_one(tmp_path):
    """Sixty steps of a chaotic map: in another order of operations nothing of the value is left."""
    path = tmp_path / "chaos.py"
    path.write_text(CHAOS.format(again="3.9"))
    assert "GC307" not in {finding.code for finding in run(path).findings}


def test_a_forward_that_is_not_its_reference_is_found_where_roundings_do_little(tmp_path):
    path = tmp_path / "chaos.py"
    path.write_text(CHAOS.format(again="3.8").replace("range(60)", "range(3)"))
    assert "GC307" in {finding.code for finding in run(path).findings}
