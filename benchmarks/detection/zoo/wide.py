"""Layers of the size that people train, where one wrong element, or a small error, is easy to overlook."""

import numpy as np


def dense_forward(x, w, b):
    """An affine layer.

    - x: of shape (32, 64)
    - w: of shape (64, 48)
    - b: of shape (48,)
    """
    return x @ w + b, (x, w)


def dense_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


def embed_forward(table, ids):
    """A table of vectors, read row by row.

    - table: of shape (96, 24)
    - ids: integers, of shape (8, 16), where 0 <= ids[i] < 96
    """
    return table[ids], (ids, table.shape)


def embed_backward(dout, cache):
    ids, shape = cache
    dtable = np.zeros(shape, dtype=dout.dtype)
    np.add.at(dtable, ids, dout)
    return dtable


def smooth_forward(image, kernel):
    """A 3x3 filter over one image with a border of zeros.

    - image: of shape (40, 40)
    - kernel: of shape (3, 3)
    """
    padded = np.pad(image, 1)
    H, W = image.shape
    out = sum(kernel[i, j] * padded[i : i + H, j : j + W] for i in range(3) for j in range(3))
    return out, (padded, kernel)


def smooth_backward(dout, cache):
    padded, kernel = cache
    H, W = dout.shape
    dpadded = np.zeros_like(padded)
    dkernel = np.empty_like(kernel)
    for i in range(3):
        for j in range(3):
            dpadded[i : i + H, j : j + W] += kernel[i, j] * dout
            dkernel[i, j] = np.sum(padded[i : i + H, j : j + W] * dout)
    dimage = dpadded[1:-1, 1:-1].copy()
    return dimage, dkernel


def batch_standardize_forward(x, eps=1e-5):
    """Features with mean zero and variance one over a batch of 64.

    - x: of shape (64, 20)
    """
    centered = x - x.mean(axis=0)
    std = np.sqrt(centered.var(axis=0) + eps)
    return centered / std, (centered, std)


def batch_standardize_backward(dout, cache):
    centered, std = cache
    N = len(dout)
    normal = centered / std
    return (dout - dout.mean(axis=0) - normal * (dout * normal).sum(axis=0) / N) / std


class WideGELU:
    """GELU by its tanh approximation, on a batch of features."""

    def forward(self, x):
        """
        - x: of shape (24, 40)
        """
        self.x = x
        self.inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
        return 0.5 * x * (1 + np.tanh(self.inner))

    def backward(self, dout):
        t = np.tanh(self.inner)
        c = np.sqrt(2 / np.pi)
        return dout * (0.5 * (1 + t) + 0.5 * self.x * (1 - t**2) * c * (1 + 0.134145 * self.x**2))


def decibels_forward(x):
    """Decibels of one plus the normal density, for a batch of scores.

    - x: of shape (16, 30)
    """
    density = np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    return 10 * np.log10(1 + density), (x, density)


def decibels_backward(dout, cache):
    x, density = cache
    return dout * 10 / np.log(10) * -x * density / (1 + density)
