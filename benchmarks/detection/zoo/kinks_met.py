"""Layers that meet their kinks exactly, as real data do: zeros, saturated pixels, ties, padded rows.

Every backward here takes the usual convention, which is right: a value between the slopes on the two sides.
"""

import numpy as np


def relu_of_activations_forward(x):
    """A ReLU on what a ReLU made: half of its inputs are exactly zero.

    - x: activations, of shape (N, D)
    """
    return np.maximum(x, 0), x


def relu_of_activations_backward(dout, x):
    return dout * (x > 0)


def relu_of_activations_inputs(rng):
    return {"x": np.maximum(rng.normal(size=(5, 7)), 0).round(2)}


def leaky_relu_of_counts_forward(x, slope=0.1):
    """A leaky ReLU on integer counts, centred: many are zero.

    - x: counts, of shape (N, D)
    """
    return np.where(x > 0, x, slope * x), (x, slope)


def leaky_relu_of_counts_backward(dout, cache):
    x, slope = cache
    return np.where(x > 0, dout, slope * dout)


def leaky_relu_of_counts_inputs(rng):
    return {"x": rng.integers(-2, 3, size=(4, 6)).astype(float)}


def clip_pixels_forward(x, weight):
    """A clip to [0, 1] and a vignette; black and white pixels lie on the bounds.

    - x: of shape (N, H, W)
    - weight: of shape (H, W)
    """
    clipped = np.clip(x, 0, 1)
    return weight * clipped, (x, weight, clipped)


def clip_pixels_backward(dout, cache):
    x, weight, clipped = cache
    dclipped = dout * weight
    return dclipped * ((x > 0) & (x < 1)), (dout * clipped).sum(axis=0)


def clip_pixels_inputs(rng):
    return {"x": rng.integers(-1, 6, size=(2, 4, 5)) / 4, "weight": rng.uniform(0.5, 1, size=(4, 5)).round(2)}


def max_pool_of_bytes_forward(x):
    """Maxima of 2x2 windows of an image with few grey levels: most windows have a tie.

    - x: images, of shape (N, C, 4, 6)
    """
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // 2, 2, W // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(N, C, H // 2, W // 2, 4)
    winner = windows.argmax(axis=-1)
    return windows.max(axis=-1), (winner, x.shape)


def max_pool_of_bytes_backward(dout, cache):
    winner, (N, C, H, W) = cache
    dwindows = dout[..., None] * (np.arange(4) == winner[..., None])
    return dwindows.reshape(N, C, H // 2, W // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(N, C, H, W)


def max_pool_of_bytes_inputs(rng):
    return {"x": rng.integers(0, 4, size=(2, 2, 4, 6)) / 4}


class UntrainedScores:
    """The best of three linear scores, of which two still have the same weights and tie."""

    def __init__(self, W):
        """
        - W: of shape (D, C)
        """
        self.W = W

    def forward(self, x):
        """
        - x: of shape (N, D)
        """
        self.x = x
        scores = x @ self.W
        self.winner = scores.argmax(axis=1)
        return scores.max(axis=1)

    def backward(self, dout):
        dscores = dout[:, None] * (np.arange(self.W.shape[1]) == self.winner[:, None])
        self.dW = self.x.T @ dscores
        return dscores @ self.W.T


def UntrainedScores_inputs(rng):
    return {"W": rng.normal(size=(4, 2)).round(2)[:, [0, 0, 1]], "x": rng.normal(size=(8, 4)).round(2)}


def padded_rows_forward(x, W1, b1, W2):
    """Two layers on sequences with padded rows of zeros, the biases still zero: ReLU meets its kink in all of them.

    - x: of shape (N, D)
    - W1: of shape (D, H)
    - b1: of shape (H,)
    - W2: of shape (H, M)
    """
    hidden = np.maximum(x @ W1 + b1, 0)
    return hidden @ W2, (x, W1, W2, hidden)


def padded_rows_backward(dout, cache):
    x, W1, W2, hidden = cache
    dW2 = hidden.T @ dout
    da = (dout @ W2.T) * (hidden > 0)
    return da @ W1.T, x.T @ da, da.sum(axis=0), dW2


def padded_rows_inputs(rng):
    x = rng.normal(size=(5, 4)).round(2)
    x[3:] = 0
    W1, W2 = rng.normal(size=(4, 6)).round(2), rng.normal(size=(6, 3)).round(2)
    return {"x": x, "W1": W1, "b1": np.zeros(6), "W2": W2}
