"""What the text of a forward tells about its arguments."""

from __future__ import annotations

import pytest

from gradcheck_cli.layers.inputs.forward_source import ForwardSource, KeyRead, read_forward

SOURCE = """
import numpy as np

def loss(x, y):
    N = x.shape[0]
    return x[np.arange(N), y].sum() + x[0, N - 1]

def look(x, W):
    N, T = x.shape
    return np.stack([W[row] for row in x])

class Embedding:
    def __init__(self, W):
        self.W = W
    def forward(self, idx):
        self.idx = idx
        return self.W[self.idx]

def helper(scores, labels):
    return scores[range(3), labels]

class Loss:
    def forward(self, x, t):
        self.t = t
        return helper(x, self.t) if not self.train else t.argmax(axis=1)

def norm(x, bn_param, train):
    mode = bn_param['mode']
    eps = bn_param.get('eps', 1e-5)
    bn_param['running_mean'] = bn_param.get('running_mean', np.zeros(3))
    return x if train else -x
"""


def _read(definition: str, names: list[str]) -> ForwardSource:
    line = SOURCE[: SOURCE.index(definition)].count("\n") + 1
    return read_forward(SOURCE, line, names)


@pytest.mark.parametrize(
    ("definition", "names", "indexes"),
    [
        ("def loss", ["x", "y"], {"y": ("x", 1)}),
        ("def look", ["x", "W"], {"x": ("W", 0)}),
        ("    def forward(self, idx)", ["W", "idx"], {"idx": ("W", 0)}),
        ("    def forward(self, x, t)", ["x", "t"], {"t": ("x", 1)}),
        ("def norm", ["x", "bn_param", "train"], {}),
    ],
)
def test_what_is_used_as_an_index(definition: str, names: list[str], indexes: dict[str, tuple[str, int]]) -> None:
    assert _read(definition, names).indexes == indexes


def test_keys_are_those_read_and_not_those_written() -> None:
    (keys,) = _read("def norm", ["x", "bn_param", "train"]).keys.values()
    assert keys == (KeyRead("mode", False), KeyRead("eps", True, 1e-5), KeyRead("running_mean", True))


def test_shapes_conditions_and_one_hot() -> None:
    assert _read("def look", ["x", "W"]).unpacked == {"x": ("N", "T")}
    assert _read("def norm", ["x", "bn_param", "train"]).booleans == {"train"}
    assert _read("    def forward(self, x, t)", ["x", "t"]).one_hot == {"t"}


@pytest.mark.parametrize("source", ["", "def f(:", "x = 1"])
def test_nothing_to_read(source: str) -> None:
    assert read_forward(source, 1, ["x"]) == ForwardSource()


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("np.clip(p, 1e-7, 1 - 1e-7)", {"p"}),
        ("np.clip(p, eps, 1.0 - eps)", {"p"}),
        ("p.clip(eps, 1 - eps)", {"p"}),
        ("np.clip(p, 0, 6)", set()),
        ("np.clip(p, -1, 1)", set()),
        ("np.clip(q, eps, 1 - eps)", set()),
    ],
)
def test_what_is_clipped_to_probabilities(call: str, found: set[str]) -> None:
    source = f"def entropy(p, eps=1e-7):\n    q = p + 1\n    return -np.log({call}).sum()\n"
    assert read_forward(source, 1, ["p", "eps"]).clipped == found


def test_matrices_that_are_taken_apart_as_symmetric_ones() -> None:
    source = "def f(a, b):\n    w, v = jnp.linalg.eigh(a)\n    return jnp.linalg.eig(b)\n"
    assert read_forward(source, 1, ("a", "b")).definite == {"a"}
