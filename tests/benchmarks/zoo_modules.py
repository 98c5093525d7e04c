"""Small modules that the tests of the detection benchmark mutate."""

from __future__ import annotations

from pathlib import Path

from benchmarks.detection.bug import Bug
from benchmarks.detection.cases import RightLayer, bind, load_layer, right_layer, written
from benchmarks.detection.effect import Difference, difference, runs
from gradcheck_cli.layers.options import InputOptions

GATE = '''
import numpy as np


def gate_forward(x, w):
    """x: shape (N, D), w: shape (D,)"""
    return np.where(x > 0, x * w, 0.0), (x, w)


def gate_backward(dout, cache):
    x, w = cache
    live = dout * (x > 0)
    a = live * w + 0.0
    dw = (live * x).sum(axis=0)
    return a, dw
'''

SEVERAL = '''
import numpy as np


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def pull(p, dp):
    return p * (dp - (dp * p).sum(axis=1, keepdims=True))


def attend_forward(x, w):
    """x: shape (N, D), w: shape (D, M)"""
    p = softmax(x @ w)
    return p, (x, w, p)


def attend_backward(dout, cache):
    x, w, p = cache
    da = pull(p, dout)
    return da @ w.T, x.T @ da


def half_mse_loss(x, target):
    """x: shape (N, D), target: shape (N, D)"""
    error = x - target
    loss = 0.5 * np.sum(error**2)
    dx = error * 1.0
    return loss, dx


class Scale:
    """x: shape (N, D)"""

    def __init__(self, g):
        """g: shape (D,)"""
        self.g = g

    def forward(self, x):
        self.x = x
        return x * self.g

    def backward(self, dout):
        self.dg = np.sum(dout * self.x, axis=0)
        return dout * self.g
'''

KEEPS = '''
import numpy as np


def keep_forward(x):
    """x: shape (N, D)"""
    return np.tanh(x), np.tanh(x)


def keep_backward(dout, y):
    return dout * (1 - y * y)
'''


def right(folder: Path, source: str, layer: str, seed: int = 0) -> RightLayer:
    """The layer as it stands, drawn from a seed."""
    path = folder / "zoo_layer.py"
    path.write_text(source)
    module, found = load_layer(path, layer)
    return right_layer(module, found, InputOptions(seed=seed))


def effect_of(folder: Path, source: str, layer: str, old: str, new: str, seed: int = 0) -> Difference:
    """What it does to the gradients of a right layer to put `new` in the place of `old`."""
    assert source.count(old) == 1
    sound = right(folder, source, layer, seed)
    before = [runs(sound.bound, drawn, "float64") for drawn in sound.draws]
    with written(folder / "zoo_layer.py", source.replace(old, new)) as path:
        module, found = load_layer(path, layer)
        return difference(before, bind(module, found, seed))


def bug_in(folder: Path, source: str, layer: str, old: str, new: str) -> Bug:
    """A bug as a run plants it."""
    assert source.count(old) == 1
    path = folder / "zoo_layer.py"
    path.write_text(source)
    return Bug(f"zoo_layer::{layer}#test", path, layer, source.replace(old, new), "test", f"{old} -> {new}")
