"""Right networks never part: whatever convention they are written in, at any seed and learning rate."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.report.model import Status
from tests.checking.training.modules import CLASSES, MLP, RULES, trained
from tests.thorough import each

MOMENTUM = """

def sgd_momentum(w, dw, config=None):
    config.setdefault("momentum", 0.9)
    v = config["momentum"] * config.get("velocity", np.zeros_like(w)) - config["learning_rate"] * dw
    config["velocity"] = v
    return w + v, config
"""

ADAM = """

class Adam:
    def __init__(self, lr=1e-3):
        self.lr, self.t, self.m, self.v = lr, 0, {}, {}

    def update(self, params, grads):
        self.t += 1
        for key in params:
            self.m[key] = 0.9 * self.m.get(key, 0) + 0.1 * grads[key]
            self.v[key] = 0.999 * self.v.get(key, 0) + 0.001 * grads[key] ** 2
            m, v = self.m[key] / (1 - 0.9**self.t), self.v[key] / (1 - 0.999**self.t)
            params[key] -= self.lr * m / (np.sqrt(v) + 1e-8)
"""


@pytest.mark.parametrize("seed", each(2, [0, 1]))
@pytest.mark.parametrize("rate", each(2, [0.01, 0.1, 1.0]))
def test_function_pairs_never_part(tmp_path, seed, rate):
    training = trained(tmp_path, MLP, seed=seed, rate=rate, steps=200)
    assert training.status is Status.PASS, training.verdict
    assert training.steps == 200
    assert training.first_parted is None
    assert all(one.differs is None for one in training.parameters)
    assert training.losses_yours == pytest.approx(training.losses_autodiff, rel=1e-9)
    assert len(training.losses_yours) == 201


@pytest.mark.parametrize(
    ("source", "rate"), each(2, [(CLASSES, 0.1), (CLASSES, 1.0), (RULES, 0.03)]), ids=each(2, ["0.1", "1", "jax"])
)
def test_instances_and_custom_rules_never_part(tmp_path, source, rate):
    training = trained(tmp_path, source, rate=rate, steps=200)
    assert training.status is Status.PASS, training.verdict
    assert training.losses_yours[-1] < 0.5 * training.losses_yours[0]


@pytest.mark.parametrize(
    ("update", "name", "rate"), [(MOMENTUM, None, 0.1), (ADAM, "Adam", 0.01)], ids=["momentum", "adam"]
)
def test_rules_that_remember_never_part_and_are_told_to_be_other_rules(tmp_path, update, name, rate):
    training = trained(tmp_path, MLP + update, rate=rate, steps=100, update=name)
    assert training.status is Status.PASS, training.verdict
    assert training.rule.name == (name or "sgd_momentum")
    # momentum has nothing to remember at the first step
    assert training.rule.departs == (1 if name else 2)


def test_minibatches_in_another_order_for_another_seed(tmp_path):
    one, same, other = (trained(tmp_path, MLP, seed=seed, batch=8, steps=30) for seed in (0, 0, 1))
    assert one.status is Status.PASS
    assert (one.batch, one.examples) == (8, 24)
    assert one.losses_yours == same.losses_yours
    assert one.losses_yours != other.losses_yours


def test_narrow_networks_are_given_their_own_rounding(tmp_path):
    source = CLASSES.replace("np.sqrt(2 / n_in)", "np.sqrt(2 / n_in)).astype(np.float32)", 1)
    source = source.replace("self.W = made", "self.W = (made").replace("np.zeros(n_out)", "np.zeros(n_out, np.float32)")
    source = source.replace("rng.standard_normal((24, 6)), ", "rng.standard_normal((24, 6))).astype(np.float32), ", 1)
    source = source.replace('"x": centres[y]', '"x": (centres[y]', 1)
    training = trained(tmp_path, source, steps=100)
    assert training.status is Status.PASS, training.verdict
    assert training.parameters[0].yours.dtype == np.float32
    assert 1e-9 < training.parameters[0].rounding < 1e-3
