"""Layers that compute in float32 whatever they are given, as kernels and serving code do."""

import numpy as np

from gradcheck_cli import layer


def _single(*arrays):
    return tuple(np.asarray(array, dtype=np.float32) for array in arrays)


def dense_single(x, w, b):
    """An affine layer in float32.

    - x: of shape (N, D)
    - w: of shape (D, M)
    - b: of shape (M,)
    """
    x, w, b = _single(x, w, b)
    return x @ w + b, (x, w)


def dense_single_gradients(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


dense32 = layer(
    forward=dense_single,
    backward=dense_single_gradients,
    inputs={"x": "N,D", "w": "D,M", "b": "M"},
    dtype="float32",
)


def rms_norm_single(x, gain):
    """Root-mean-square normalisation in float32."""
    x, gain = _single(x, gain)
    rms = np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + np.float32(1e-6))
    normal = x / rms
    return normal * gain, (normal, rms, gain)


def rms_norm_single_gradients(dout, cache):
    normal, rms, gain = cache
    dgain = (dout * normal).sum(axis=0)
    dnormal = dout * gain
    return (dnormal - normal * np.mean(dnormal * normal, axis=-1, keepdims=True)) / rms, dgain


rms_norm32 = layer(
    forward=rms_norm_single,
    backward=rms_norm_single_gradients,
    inputs={"x": "N,D", "gain": "D"},
    dtype="float32",
)


def attention_single(q, k, v):
    """One head of attention in float32."""
    q, k, v = _single(q, k, v)
    scale = np.float32(1 / np.sqrt(q.shape[1]))
    scores = q @ k.T * scale
    exp = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = exp / exp.sum(axis=1, keepdims=True)
    return weights @ v, (q, k, v, weights, scale)


def attention_single_gradients(dout, cache):
    q, k, v, weights, scale = cache
    dweights = dout @ v.T
    dscores = weights * (dweights - (dweights * weights).sum(axis=1, keepdims=True)) * scale
    return dscores @ k, dscores.T @ q, weights.T @ dout


attention32 = layer(
    forward=attention_single,
    backward=attention_single_gradients,
    inputs={"q": "T,D", "k": "S,D", "v": "S,M"},
    dtype="float32",
)
