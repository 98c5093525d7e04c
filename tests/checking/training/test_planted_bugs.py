"""Planted bugs: each is named with its step, its parameter and its layer."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.report.model import Status
from tests.checking.training.modules import CLASSES, MLP, RULES, parameter, trained, with_bug
from tests.thorough import each

BUGS = {
    "bias not summed": (MLP, "dout.sum(axis=0)\n\n\ndef relu", "dout[0]\n\n\ndef relu", "affine_2.b", "affine_2"),
    "wrong sign": (MLP, "x.T @ dout, dout", "-x.T @ dout, dout", "affine_2.w", "affine_2"),
    "no mean over the batch": (MLP, "dx / n", "dx", "affine_2.w", "softmax_loss"),
    "wrong mask": (MLP, "dout * (x > 0)", "dout * (x > 0.3)", "affine_1.w", "relu"),
    "wrong edge": (MLP, "return dout @ w.T, x", "return 1.01 * dout @ w.T, x", "affine_1.w", "affine_2"),
    "stored gradient halved": (CLASSES, "self.dW = self.x.T", "self.dW = 0.5 * self.x.T", "Linear_3.W", "Linear_3"),
    "a factor in a rule": (RULES, "s + x * s * (1 - s)", "s + x * s", "affine_1.w", "swish"),
}


@pytest.mark.parametrize("bug", each(2, list(BUGS)))
def test_the_step_the_parameter_and_the_layer(tmp_path, bug):
    source, right, wrong, name, layer = BUGS[bug]
    training = trained(tmp_path, with_bug(source, right, wrong), rate=0.03)
    assert training.status is Status.FAIL
    assert training.cause is not None
    assert (training.cause.step, training.cause.parameter, training.cause.layer) == (1, name, layer)
    assert training.cause.findings[0].code.startswith("GC2")
    assert training.first_parted is not None
    assert (training.first_parted.name, training.first_parted.parts) == (name, 1)
    assert f"`{name}`" in training.verdict
    assert f"`{layer}` is the first layer on the way back that is wrong" in training.verdict


def test_values_part_later_where_the_gradient_never_differs(tmp_path):
    training = trained(tmp_path, with_bug(MLP, "dout * (x > 0)", "dout * (x > 0.3)"))
    above = parameter(training, "affine_2.w")
    assert (above.differs, above.parts) == (None, 2)
    assert above.difference > 1e6 * above.rounding


def test_a_bug_that_shows_only_where_training_leads(tmp_path):
    # right as long as no unit is above 4
    source = with_bug(MLP, "dout * (x > 0)", "dout * ((x > 0) & (x < 4))")
    small = "'affine_1.w': 0.1 * rng.standard_normal((6, 8)), 'affine_2.w': 0.1 * rng.standard_normal((8, 3))"
    source = source.replace("net_data = clouds", f"def net_data(rng):\n    return {{**clouds(rng), {small}}}")
    training = trained(tmp_path, source, rate=1.0, steps=60)
    assert training.cause is not None
    assert training.cause.layer == "relu"
    assert training.cause.step > 1
    assert training.first_parted is not None
    assert training.first_parted.parts == training.cause.step


def test_a_gradient_of_another_shape_is_not_applied_and_told(tmp_path):
    training = trained(tmp_path, with_bug(MLP, "dout.sum(axis=0)\n\n\ndef relu", "dout\n\n\ndef relu"))
    bias = parameter(training, "affine_2.b")
    assert (bias.differs, bias.error) == (1, None)
    np.testing.assert_array_equal(bias.yours, bias.start)
    assert training.status is Status.FAIL


def test_an_object_that_two_layers_share_is_named(tmp_path):
    training = trained(tmp_path, CLASSES, name="shared")
    assert training.cause is not None
    assert training.cause.layer == "ReLU"
    assert "GC214" in [finding.code for finding in training.cause.findings]


@pytest.mark.parametrize(
    ("body", "factor"),
    [("w + config['learning_rate'] * dw", -1.0), ("w - 2 * config['learning_rate'] * dw", 2.0), ("w * 0.9", None)],
)
def test_an_update_that_is_not_the_plain_rule_is_told_and_is_no_failure(tmp_path, body, factor):
    source = f"{MLP}\n\ndef sgd(w, dw, config=None):\n    return {body}, config\n"
    training = trained(tmp_path, source, rate=0.01, steps=3)
    assert training.status is Status.PASS
    assert (training.rule.name, training.rule.departs, training.rule.parameter) == ("sgd", 1, "affine_1.w")
    assert training.rule.factor == (None if factor is None else pytest.approx(factor, rel=1e-9))


def test_only_autodiff_learns_by_heart(tmp_path):
    training = trained(tmp_path, with_bug(MLP, "dx / n", "-dx / n"), overfit=True)
    assert training.overfit is not None
    assert (training.overfit.fits_yours, training.overfit.fits_autodiff) == (False, True)
    assert training.overfit.examples == 4
    assert training.status is Status.FAIL


def test_both_learn_by_heart(tmp_path):
    training = trained(tmp_path, MLP, overfit=True, rate=0.1)
    assert training.overfit is not None
    assert training.overfit.fits_yours
    assert training.overfit.fits_autodiff
    assert training.overfit.autodiff.share < 0.01
    assert training.status is Status.PASS


def test_neither_learns_by_heart_is_a_note(tmp_path):
    # the loss has a floor
    training = trained(tmp_path, with_bug(MLP, ".mean(), dx", ".mean() + 5, dx"), overfit=True)
    assert training.status is Status.PASS
    assert any("neither learns 4 examples by heart" in note for note in training.notes)
