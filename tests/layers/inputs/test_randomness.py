"""One random state for every call; what no seed holds still is told."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.layers.inputs.randomness import is_nondeterministic, repeatable
from tests.layers.handmade import make

X = {"x": np.arange(1.0, 13.0).reshape(3, 4)}

RANDOM = {
    "global": "def f_forward(x): return x * (np.random.rand(*x.shape) < 0.5)",
    "python": "import random\ndef f_forward(x): return x * random.random()",
    "module generator": "rng = np.random.default_rng()\ndef f_forward(x): return x * rng.random(x.shape)",
    "module state": "rng = np.random.RandomState()\ndef f_forward(x): return x * rng.rand(*x.shape)",
    "unseeded inside": "def f_forward(x): return x * np.random.default_rng().random(x.shape)",
    "two unseeded inside": (
        "def f_forward(x): return x * np.random.default_rng().random() - np.random.default_rng().random()"
    ),
    "imported name": (
        "from numpy.random import default_rng\ndef f_forward(x): return x * default_rng().random(x.shape)"
    ),
    "in an object": (
        "class Holder:\n    def __init__(self): self.rng = np.random.default_rng()\n"
        "holder = [Holder()]\ndef f_forward(x): return x * holder[0].rng.random(x.shape)"
    ),
    "seeds itself": "def f_forward(x):\n    np.random.seed(3)\n    return x * np.random.rand(*x.shape)",
    "sometimes": "def f_forward(x): return x * np.random.rand() if x.sum() > 100 else x * 2",
}


@pytest.mark.parametrize("name", RANDOM)
def test_every_call_draws_the_same(name: str) -> None:
    _, module, bound = make(RANDOM[name], "f")
    held = repeatable(bound, module.namespace, 5)
    first = held.forward(X).outputs[0]
    assert np.array_equal(first, held.evaluate(X)[0])
    assert np.array_equal(first, held.reference(X)[0])
    assert not is_nondeterministic(held, X)


@pytest.mark.parametrize("name", [name for name in RANDOM if name not in ("seeds itself", "sometimes")])
def test_without_it_calls_differ(name: str) -> None:
    _, _, bound = make(RANDOM[name], "f")
    assert is_nondeterministic(bound, X)


def test_two_copies_of_a_module_draw_the_same() -> None:
    outputs = []
    for _ in range(2):
        _, module, bound = make(RANDOM["module generator"], "f")
        outputs.append(repeatable(bound, module.namespace, 5).evaluate(X)[0])
    assert np.array_equal(*outputs)


@pytest.mark.parametrize("name", RANDOM)
def test_the_callers_own_state_is_left_alone(name: str) -> None:
    _, module, bound = make(RANDOM[name], "f")
    held = repeatable(bound, module.namespace, 5)
    np.random.seed(11)
    random.seed(11)
    expected = np.random.rand(), random.random()
    np.random.seed(11)
    random.seed(11)
    held.evaluate(X)
    assert (np.random.rand(), random.random()) == expected
    assert np.random.default_rng().random() != np.random.default_rng().random()


def test_the_seed_decides() -> None:
    _, module, bound = make(RANDOM["global"], "f")
    masks = [repeatable(bound, module.namespace, seed).evaluate(X)[0] for seed in range(8)]
    assert any(not np.array_equal(masks[0], mask) for mask in masks[1:])


def test_a_counter_is_nondeterministic_whatever_the_seed() -> None:
    _, module, bound = make("calls = [0]\ndef f_forward(x):\n    calls[0] += 1\n    return x * calls[0]", "f")
    assert is_nondeterministic(repeatable(bound, module.namespace, 5), X)


def test_a_forward_without_randomness_is_called_bare(monkeypatch: pytest.MonkeyPatch) -> None:
    _, module, bound = make("def f_forward(x): return x * 2", "f")
    held = repeatable(bound, module.namespace, 5)
    held.evaluate(X)

    def fail(*_: Any) -> None:
        raise AssertionError("the state was touched again")

    monkeypatch.setattr(np.random, "get_state", fail)
    held.evaluate(X)
