"""The layers of fixtures/mylayer.py a day later: one mistake is mended, and another was made."""

import numpy as np


def affine_forward(x, w, b):
    """
    Inputs:
    - x: input data, of shape (N, D)
    - w: weights, of shape (D, M)
    - b: biases, of shape (M,)

    Returns the output, of shape (N, M), and the cache for the backward pass.
    """
    out = x @ w + b
    return out, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


def relu_forward(x):
    """
    Inputs:
    - x: input data, of shape (N, D)
    """
    return np.maximum(0, x), x


def relu_backward(dout, cache):
    return dout * (cache > -1)


def layernorm_forward(x, gamma, beta):
    """
    Inputs:
    - x: input data, of shape (N, D)
    - gamma: scale, of shape (D,)
    - beta: shift, of shape (D,)
    """
    mean = x.mean(axis=1, keepdims=True)
    std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    normed = (x - mean) / std
    return gamma * normed + beta, (normed, std, gamma)


# planted: the path from x through the standard deviation is forgotten -> GC209
def layernorm_backward(dout, cache):
    normed, std, gamma = cache
    dgamma = (dout * normed).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dnormed = dout * gamma
    along = (dnormed * normed).mean(axis=1, keepdims=True)
    dx = (dnormed - dnormed.mean(axis=1, keepdims=True) - normed * along) / std
    return dx, dgamma, dbeta
