"""Normalisation layers in NumPy."""

import numpy as np


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    """Batch normalisation in training.

    - x: of shape (N, D)
    - gamma: of shape (D,)
    - beta: of shape (D,)
    """
    centered = x - x.mean(axis=0)
    inv_std = 1.0 / np.sqrt((centered**2).mean(axis=0) + eps)
    xhat = centered * inv_std
    return gamma * xhat + beta, (xhat, inv_std, gamma)


def batchnorm_backward(dout, cache):
    xhat, inv_std, gamma = cache
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    dx = inv_std * (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0))
    return dx, dgamma, dbeta


def batchnorm_backward_stepwise(dout, cache):
    """The same node by node, as one draws the graph."""
    xhat, inv_std, gamma = cache
    N = dout.shape[0]
    centered = xhat / inv_std
    dbeta = dout.sum(axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    dinv_std = np.sum(dxhat * centered, axis=0)
    dvar = -0.5 * dinv_std * inv_std**3
    dcentered = dxhat * inv_std + 2.0 / N * centered * dvar
    dmean = -dcentered.sum(axis=0)
    dx = dcentered + dmean / N
    return dx, dgamma, dbeta


def layernorm_forward(x, gain, bias, eps=1e-6):
    """Layer normalisation over the last axis.

    - x: of shape (N, T, D)
    - gain: of shape (D,)
    - bias: of shape (D,)
    """
    mean = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(x.var(axis=-1, keepdims=True) + eps)
    normal = (x - mean) / std
    return normal * gain + bias, (normal, std, gain)


def layernorm_backward(dout, cache):
    normal, std, gain = cache
    dgain = np.sum(dout * normal, axis=(0, 1))
    dbias = np.sum(dout, axis=(0, 1))
    dnormal = dout * gain
    D = dout.shape[-1]
    dx = (
        D * dnormal - dnormal.sum(axis=-1, keepdims=True) - normal * (dnormal * normal).sum(axis=-1, keepdims=True)
    ) / (D * std)
    return dx, dgain, dbias


def groupnorm_forward(x, gamma, beta, eps=1e-5):
    """Group normalisation of six channels in three groups.

    - x: images, of shape (N, 6, H, W)
    - gamma: of shape (6,)
    - beta: of shape (6,)
    """
    N, C, H, W = x.shape
    groups = x.reshape(N, 3, -1)
    mean = groups.mean(axis=2, keepdims=True)
    inv_std = 1 / np.sqrt(groups.var(axis=2, keepdims=True) + eps)
    xhat = ((groups - mean) * inv_std).reshape(N, C, H, W)
    return gamma[:, None, None] * xhat + beta[:, None, None], (xhat, inv_std, gamma)


def groupnorm_backward(dout, cache):
    xhat, inv_std, gamma = cache
    dgamma = (dout * xhat).sum(axis=(0, 2, 3))
    dbeta = dout.sum(axis=(0, 2, 3))
    dgroups = (dout * gamma[:, None, None]).reshape(dout.shape[0], 3, -1)
    normal = xhat.reshape(dgroups.shape)
    mean_gradient = dgroups.mean(axis=2, keepdims=True)
    mean_projection = (dgroups * normal).mean(axis=2, keepdims=True)
    dx = inv_std * (dgroups - mean_gradient - normal * mean_projection)
    return dx.reshape(dout.shape), dgamma, dbeta


def instancenorm(x, gamma):
    """Instance normalisation with a gain a channel; returns the output and its pull-back.

    - x: images, of shape (N, C, H, W)
    - gamma: of shape (C,)
    """
    space = (2, 3)
    std = np.sqrt(x.var(axis=space, keepdims=True) + 1e-5)
    normal = (x - x.mean(axis=space, keepdims=True)) / std
    gain = gamma[None, :, None, None]

    def backprop(dy):
        dgamma = (dy * normal).sum(axis=(0, 2, 3))
        dnormal = dy * gain
        along = np.mean(dnormal * normal, axis=space, keepdims=True)
        return (dnormal - dnormal.mean(axis=space, keepdims=True) - normal * along) / std, dgamma

    return gain * normal, backprop


class RMSNorm:
    """Root-mean-square normalisation: no mean is taken off."""

    def __init__(self, gain):
        """
        - gain: of shape (D,)
        """
        self.gain = gain
        self.eps = 1e-6

    def forward(self, x):
        """
        - x: of shape (N, T, D)
        """
        self.x = x
        self.rms = np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + self.eps)
        return x / self.rms * self.gain

    def backward(self, dout):
        normal = self.x / self.rms
        self.dgain = (dout * normal).sum(axis=(0, 1))
        dnormal = dout * self.gain
        return (dnormal - normal * np.mean(dnormal * normal, axis=-1, keepdims=True)) / self.rms


class WeightNorm:
    """An affine layer whose weight columns have a direction v and a length g.

    - v: of shape (D, M)
    - g: of shape (M,)
    - b: of shape (M,)
    """

    def __init__(self, v, g, b):
        self.v, self.g, self.b = v, g, b

    def forward(self, x):
        """
        - x: of shape (N, D)
        """
        self.x = x
        self.norm = np.sqrt((self.v**2).sum(axis=0))
        self.direction = self.v / self.norm
        return x @ (self.g * self.direction) + self.b

    def backward(self, dout):
        dw = self.x.T @ dout
        self.db = dout.sum(axis=0)
        self.dg = (dw * self.direction).sum(axis=0)
        self.dv = self.g / self.norm * (dw - self.direction * self.dg)
        return dout @ (self.g * self.direction).T


def l2_normalize_forward(x, eps=1e-12):
    """Each row divided by its length.

    - x: of shape (N, D)
    """
    norm = np.sqrt(np.sum(x * x, axis=1, keepdims=True) + eps)
    return x / norm, (x / norm, norm)


def l2_normalize_backward(dy, cache):
    y, norm = cache
    return (dy - y * np.sum(y * dy, axis=1, keepdims=True)) / norm
