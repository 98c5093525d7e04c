"""Modules with networks to be trained, as a user would have written them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gradcheck_cli.checking.contents import contents_of
from gradcheck_cli.checking.training.training import training_of
from gradcheck_cli.checking.training_options import TrainingOptions
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.training.model import TrainedParameter, Training

PAIRS = '''
import numpy as np

from gradcheck_cli import Graph, Sequential


def affine_forward(x, w, b):
    """
    - x: shape (N, D)
    - w: shape (D, M)
    - b: shape (M,)
    """
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward(dout, x):
    return dout * (x > 0)


def softmax_loss(x, y):
    """
    - x: scores, shape (N, C)
    - y: labels, shape (N,)
    """
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    n = len(x)
    dx = p.copy()
    dx[np.arange(n), y] -= 1
    return -np.log(p[np.arange(n), y]).mean(), dx / n


def clouds(rng):
    centres = rng.standard_normal((3, 6))
    y = rng.integers(0, 3, 24)
    return {"x": centres[y] + 0.5 * rng.standard_normal((24, 6)), "y": y}
'''

MLP = (
    PAIRS
    + """
net = Sequential(
    [affine_forward, relu_forward, affine_forward, softmax_loss],
    inputs={"affine_1.w": "6,8", "affine_2.w": "8,3"},
)
net_data = clouds
"""
)

CLASSES = (
    PAIRS
    + """
made = np.random.default_rng(1)


class Linear:
    def __init__(self, n_in, n_out):
        self.W = made.standard_normal((n_in, n_out)) * np.sqrt(2 / n_in)
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


net = Sequential([Linear(6, 8), ReLU(), Linear(8, 8), ReLU(), Linear(8, 3), softmax_loss])
net_data = clouds
relu = ReLU()
shared = Sequential([Linear(6, 8), relu, Linear(8, 8), relu, Linear(8, 3), softmax_loss])
shared_data = clouds
"""
)

RULES = '''
import jax
import jax.numpy as jnp
import numpy as np

from gradcheck_cli import Sequential


@jax.custom_vjp
def affine(x, w, b):
    """
    - x: shape (N, D)
    - w: shape (D, M)
    - b: shape (M,)
    """
    return x @ w + b


affine.defvjp(lambda x, w, b: (x @ w + b, (x, w)), lambda held, g: (g @ held[1].T, held[0].T @ g, g.sum(0)))


@jax.custom_vjp
def swish(x):
    """
    - x: shape (N, D)
    """
    return x * jax.nn.sigmoid(x)


def swish_backward(x, g):
    s = jax.nn.sigmoid(x)
    return (g * (s + x * s * (1 - s)),)


swish.defvjp(lambda x: (x * jax.nn.sigmoid(x), x), swish_backward)


@jax.custom_vjp
def mse(x, t):
    """
    - x: shape (N, M)
    - t: shape (N, M)
    """
    return jnp.mean((x - t) ** 2)


def mse_backward(held, g):
    x, t = held
    return g * 2 * (x - t) / x.size, -g * 2 * (x - t) / x.size


mse.defvjp(lambda x, t: (jnp.mean((x - t) ** 2), (x, t)), mse_backward)
net = Sequential([affine, swish, affine, mse], inputs={"affine_1.w": "3,8", "affine_2.w": "8,2"})


def net_data(rng):
    x = rng.standard_normal((16, 3))
    return {"x": x, "t": np.stack([x.sum(1), (x**2).sum(1)], 1)}
'''


def with_bug(source: str, right: str, wrong: str) -> str:
    """The module with one piece of its text replaced."""
    assert source.count(right) == 1, source.count(right)
    return source.replace(right, wrong)


def trained(folder: Path, source: str, name: str = "net", seed: int = 0, **asked: Any) -> Training:
    """A module's network, trained in this process; no examples learnt by heart unless asked for."""
    path = folder / "module.py"
    path.write_text(source)
    module, contents = contents_of(path)
    assert module is not None, contents.problems
    assert not contents.problems, contents.problems
    layer = next(layer for layer in contents.layers if layer.name == name)
    inputs = asked.pop("inputs", InputOptions(seed=seed))
    options = TrainingOptions(inputs, **{"steps": 10, "overfit": False, **asked})
    return training_of(module, layer, options, lambda _: None)


def parameter(training: Training, name: str) -> TrainedParameter:
    """One of its parameters."""
    return next(one for one in training.parameters if one.name == name)
