"""Steps by the plain rule and by update functions of every usual form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.training.updating import Plain, Users, departure
from gradcheck_cli.layers.loading import load
from gradcheck_cli.layers.networks.updates import Form, find_update
from gradcheck_cli.layers.users_code import Place

VALUES = {"w": np.array([1.0, -2.0]), "b": np.array(0.5)}
GRADIENTS = {"w": np.array([0.25, 4.0]), "b": np.array(-1.0)}

FORMS = {
    Form.CONFIG: "def sgd(w, dw, config=None):\n    return w - config['learning_rate'] * dw, config\n",
    Form.RATE: "def sgd(w, dw, lr):\n    return w - lr * dw\n",
    Form.ALL: "def update(params, grads, lr):\n    return {k: params[k] - lr * grads[k] for k in params}\n",
    Form.OBJECT: (
        "class SGD:\n    def __init__(self, lr=0.01):\n        self.lr = lr\n"
        "    def step(self, params, grads):\n        for k in params:\n"
        "            params[k] = params[k] - self.lr * grads[k]\n"
        "sgd = SGD()\n"
    ),
}


def users(folder: Path, source: str, named: str | None = None, rate: float = 0.1) -> Users:
    path = folder / "optim.py"
    path.write_text(source)
    module = load(path)
    update = find_update(module, named)
    assert update is not None
    return Users(update, rate, Place.of(module))


def same(one: Any, other: Any) -> None:
    for name in VALUES:
        np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_found_and_makes_the_plain_step(tmp_path, form):
    rule = users(tmp_path, FORMS[form])
    assert rule.update.form is form
    same(rule.step(VALUES, GRADIENTS), Plain(0.1).step(VALUES, GRADIENTS))
    np.testing.assert_array_equal(VALUES["w"], [1.0, -2.0])


@pytest.mark.parametrize(
    "body", ["def sgd(w, dw, lr):\n    w -= lr * dw\n", "def sgd(w, dw, eta):\n    w[...] = w - eta * dw\n"]
)
def test_a_step_in_place(tmp_path, body):
    same(users(tmp_path, body).step(VALUES, GRADIENTS), Plain(0.1).step(VALUES, GRADIENTS))


def test_a_class_is_given_the_learning_rate(tmp_path):
    rule = users(tmp_path, FORMS[Form.OBJECT], "SGD", rate=0.5)
    same(rule.step(VALUES, GRADIENTS), Plain(0.5).step(VALUES, GRADIENTS))


def test_two_runs_do_not_share_what_an_object_remembers(tmp_path):
    source = (
        "class Counting:\n    lr = 1.0\n    def __init__(self):\n        self.t = 0\n"
        "    def update(self, params, grads):\n        self.t += 1\n"
        "        for k in params:\n            params[k] = params[k] - self.t * grads[k]\nsgd = Counting()\n"
    )
    one, other = users(tmp_path, source), users(tmp_path, source)
    one.step(VALUES, GRADIENTS)
    same(other.step(VALUES, GRADIENTS), Plain(1.0).step(VALUES, GRADIENTS))


def test_what_the_configuration_calls_the_rate_is_read_from_the_function(tmp_path):
    rule = users(tmp_path, "def sgd(w, dw, config=None):\n    return w - config['lr'] * dw, config\n")
    assert rule.update.rates == ("lr",)
    same(rule.step(VALUES, GRADIENTS), Plain(0.1).step(VALUES, GRADIENTS))


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("def sgd(w, dw, config=None):\n    return w\n", "returned"),
        ("def sgd(w, dw, lr):\n    return [w]\n", "gave list"),
        ("def sgd(w, dw, lr):\n    raise KeyError('v')\n", "KeyError"),
    ],
)
def test_an_update_that_gives_no_parameter_is_told(tmp_path, source, what):
    with pytest.raises(UserError, match=what) as told:
        users(tmp_path, source).step(VALUES, GRADIENTS)
    assert told.value.line is not None


@pytest.mark.parametrize("source", ["def update(x):\n    return x\n", "sgd = 3\n", "def sgd(lr):\n    return lr\n"])
def test_what_is_called_otherwise_is_none(tmp_path, source):
    path = tmp_path / "optim.py"
    path.write_text(source)
    module = load(path)
    assert find_update(module, None) is None
    with pytest.raises(UserError) as told:
        find_update(module, source.split()[1 if source.startswith("def") else 0].partition("(")[0])
    assert told.value.mend


def test_the_departure_from_the_plain_rule():
    after = Plain(0.1).step(VALUES, GRADIENTS)
    assert departure(1, 0.1, VALUES, after, GRADIENTS) is None
    doubled = departure(1, 0.1, VALUES, Plain(0.2).step(VALUES, GRADIENTS), GRADIENTS)
    assert doubled is not None
    assert (doubled.step, doubled.parameter) == (1, "w")
    assert doubled.factor == pytest.approx(2)
    other = departure(3, 0.1, VALUES, {**after, "b": np.array(7.0), "w": after["w"] + [0.0, 1e-9]}, GRADIENTS)
    assert other is not None
    assert (other.parameter, other.factor) == ("w", None)


def test_one_rounding_is_no_departure():
    after = Plain(0.1).step(VALUES, GRADIENTS)
    assert departure(1, 0.1, VALUES, {name: np.nextafter(value, 9) for name, value in after.items()}, GRADIENTS) is None
