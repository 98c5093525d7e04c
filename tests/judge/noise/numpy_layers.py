"""Layers with right backwards as people write them in NumPy, and the same forwards in `jax.numpy`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class NumpyLayer:
    """`inputs(rng)`, `forward` of the leaves in order (jax.numpy), `backward(dout, **inputs)` in the inputs' dtype.

    `conditioning`: how much larger a relative error must be to be told from rounding than in a plain layer: the terms
    of a gradient through a normalisation of two elements cancel to a ten-thousandth.
    """

    name: str
    inputs: Callable[[np.random.Generator], Arrays]
    forward: Callable[..., Any]
    backward: Callable[..., Arrays]
    conditioning: float = 1.0


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def affine_backward(dout: Any, x: Any, w: Any, b: Any) -> Arrays:
    dw = np.zeros_like(w)
    for row, drow in zip(x, dout):
        dw += np.outer(row, drow)
    return {"x": dout @ w.T, "w": dw, "b": dout.sum(axis=0)}


def softmax_backward(dout: Any, x: Any) -> Arrays:
    y = softmax(x)
    return {"x": y * (dout - (dout * y).sum(axis=-1, keepdims=True))}


def loss_forward(x: Any) -> Any:
    labels = np.arange(x.shape[0]) % x.shape[1]
    return -jax.nn.log_softmax(x)[np.arange(x.shape[0]), labels].mean()


def loss_backward(dout: Any, x: Any) -> Arrays:
    n = x.shape[0]
    dx = softmax(x)
    dx[np.arange(n), np.arange(n) % x.shape[1]] -= 1
    return {"x": dx / x.dtype.type(n) * dout}


def norm_forward(axis: int) -> Callable[..., Any]:
    def forward(x: Any, gamma: Any, beta: Any) -> Any:
        centred = x - x.mean(axis=axis, keepdims=True)
        return gamma * centred / jnp.sqrt((centred**2).mean(axis=axis, keepdims=True) + 1e-5) + beta

    return forward


def norm_backward(axis: int) -> Callable[..., Arrays]:
    def backward(dout: Any, x: Any, gamma: Any, beta: Any) -> Arrays:
        centred = x - x.mean(axis=axis, keepdims=True)
        inverse = 1 / np.sqrt(x.var(axis=axis, keepdims=True) + x.dtype.type(1e-5))
        normed = centred * inverse
        g = dout * gamma
        dx = inverse * (g - g.mean(axis=axis, keepdims=True) - normed * (g * normed).mean(axis=axis, keepdims=True))
        return {"x": dx, "gamma": (dout * normed).sum(axis=0), "beta": dout.sum(axis=0)}

    return backward


def biased_norm_forward(x: Any, w: Any, b: Any) -> Any:
    h = x @ w + b
    centred = h - h.mean(axis=0)
    return centred / jnp.sqrt((centred**2).mean(axis=0) + 1e-5)


def biased_norm_backward(dout: Any, x: Any, w: Any, b: Any) -> Arrays:
    h = x @ w + b
    centred = h - h.mean(axis=0)
    inverse = 1 / np.sqrt(h.var(axis=0) + x.dtype.type(1e-5))
    dnormed, n = dout, len(x)
    # The three-term version by hand, through the variance and the mean.
    dvar = (dnormed * centred * x.dtype.type(-0.5) * inverse**3).sum(axis=0)
    dmean = (-dnormed * inverse).sum(axis=0) + dvar * (-2 * centred).mean(axis=0)
    dh = dnormed * inverse + dvar * 2 * centred / x.dtype.type(n) + dmean / x.dtype.type(n)
    return {"x": dh @ w.T, "w": x.T @ dh, "b": dh.sum(axis=0)}


def attention_forward(q: Any, k: Any, v: Any) -> Any:
    return jax.nn.softmax(q @ k.T / np.sqrt(q.shape[1]), axis=-1) @ v


def attention_backward(dout: Any, q: Any, k: Any, v: Any) -> Arrays:
    scale = q.dtype.type(1 / np.sqrt(q.shape[1]))
    a = softmax(q @ k.T * scale)
    da = dout @ v.T
    ds = a * (da - (da * a).sum(axis=-1, keepdims=True)) * scale
    return {"q": ds @ k, "k": ds.T @ q, "v": a.T @ dout}


def sigmoid_backward(dout: Any, x: Any) -> Arrays:
    s = 1 / (1 + np.exp(-x))
    return {"x": dout * s * (1 - s)}


def saturated(rng: np.random.Generator) -> Arrays:
    return {"x": rng.normal(size=(4, 6)) * 12}


def shaped(scale: float = 1.0, **shapes: tuple[int, ...]) -> Callable[[np.random.Generator], Arrays]:
    return lambda rng: {name: np.round(rng.normal(size=shape), 3) * scale for name, shape in shapes.items()}


def conv_forward(x: Any, w: Any) -> Any:
    return sum(x[i : i + x.shape[0] - w.shape[0] + 1] * w[i] for i in range(w.shape[0]))


def conv_backward(dout: Any, x: Any, w: Any) -> Arrays:
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for at in range(len(dout)):
        for i in range(len(w)):
            dx[at + i] += dout[at] * w[i]
            dw[i] += dout[at] * x[at + i]
    return {"x": dx, "w": dw}


LAYERS = (
    NumpyLayer("affine", shaped(x=(4, 6), w=(6, 5), b=(5,)), lambda x, w, b: x @ w + b, affine_backward),
    NumpyLayer("affine tiny", shaped(1e-8, x=(4, 6), w=(6, 5), b=(5,)), lambda x, w, b: x @ w + b, affine_backward),
    NumpyLayer("affine of one", shaped(x=(1, 6), w=(6, 5), b=(5,)), lambda x, w, b: x @ w + b, affine_backward),
    NumpyLayer("softmax", shaped(x=(4, 6)), lambda x: jax.nn.softmax(x, axis=-1), softmax_backward),
    NumpyLayer("peaked softmax", shaped(15.0, x=(4, 6)), lambda x: jax.nn.softmax(x, axis=-1), softmax_backward),
    NumpyLayer("softmax loss", shaped(x=(7, 6)), loss_forward, loss_backward),
    NumpyLayer("confident softmax loss", shaped(15.0, x=(7, 6)), loss_forward, loss_backward),
    NumpyLayer("layer norm", shaped(x=(4, 6), gamma=(6,), beta=(6,)), norm_forward(-1), norm_backward(-1)),
    NumpyLayer("layer norm of two", shaped(x=(4, 2), gamma=(2,), beta=(2,)), norm_forward(-1), norm_backward(-1), 1e3),
    NumpyLayer("batch norm", shaped(x=(5, 6), gamma=(6,), beta=(6,)), norm_forward(0), norm_backward(0)),
    NumpyLayer("batch norm of two", shaped(x=(2, 6), gamma=(6,), beta=(6,)), norm_forward(0), norm_backward(0), 1e3),
    NumpyLayer("bias before norm", shaped(x=(5, 4), w=(4, 3), b=(3,)), biased_norm_forward, biased_norm_backward),
    NumpyLayer("attention", shaped(q=(4, 5), k=(6, 5), v=(6, 3)), attention_forward, attention_backward),
    NumpyLayer("sigmoid", shaped(x=(4, 6)), jax.nn.sigmoid, sigmoid_backward),
    NumpyLayer("saturated sigmoid", saturated, jax.nn.sigmoid, sigmoid_backward),
    NumpyLayer("convolution", shaped(x=(300,), w=(5,)), conv_forward, conv_backward),
)
