"""Elementwise activations and softmaxes in NumPy."""

import numpy as np


def gelu_forward(x):
    """GELU by its tanh approximation.

    - x: of shape (N, D)
    """
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + t), (x, t, c)


def gelu_backward(dout, cache):
    x, t, c = cache
    dt = (1 - t**2) * c * (1 + 3 * 0.044715 * x**2)
    return dout * (0.5 * (1 + t) + 0.5 * x * dt)


def swish(x, beta):
    """x · sigmoid(beta x) with a learnt beta a feature, and its pull-back.

    - x: of shape (N, D)
    - beta: of shape (D,)
    """
    gate = 1 / (1 + np.exp(-beta * x))

    def backprop(dy):
        slope = gate * (1 - gate)
        return dy * (gate + x * beta * slope), (dy * x * x * slope).sum(axis=0)

    return x * gate, backprop


def mish_forward(x):
    """x · tanh(softplus(x)).

    - x: of shape (N, D)
    """
    t = np.tanh(np.log1p(np.exp(x)))
    return x * t, (x, t)


def mish_backward(dout, cache):
    x, t = cache
    return dout * (t + x * (1 - t * t) / (1 + np.exp(-x)))


class ELU:
    alpha = 0.7

    def forward(self, x):
        """
        - x: of shape (N, D)
        """
        self.out = np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))
        return self.out

    def backward(self, dout):
        return np.where(self.out > 0, dout, dout * (self.out + self.alpha))


class SELU:
    scale = 1.0507009873554805
    alpha = 1.6732632423543772

    @staticmethod
    def forward(ctx, x):
        """
        - x: of shape (N, T, D)
        """
        ctx.save_for_backward(x)
        return SELU.scale * np.where(x > 0, x, SELU.alpha * np.expm1(np.minimum(x, 0)))

    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        slope = np.where(x > 0, 1.0, SELU.alpha * np.exp(np.minimum(x, 0)))
        return dout * SELU.scale * slope


class PReLU:
    """A leaky ReLU whose slope is learnt for each channel."""

    def __init__(self, slope):
        """
        - slope: of shape (C,)
        """
        self.params = {"slope": slope}
        self.grads = {}

    def forward(self, x):
        """
        - x: of shape (N, C, T)
        """
        self.x = x
        return np.where(x > 0, x, self.params["slope"][:, None] * x)

    def backward(self, dout):
        negative = self.x <= 0
        self.grads["slope"] = (dout * self.x * negative).sum(axis=(0, 2))
        return np.where(negative, self.params["slope"][:, None] * dout, dout)


def softplus_forward(x, sharpness=2.0):
    """log(1 + exp(s x)) / s, without overflow.

    - x: of shape (N, D)
    """
    return np.logaddexp(0, sharpness * x) / sharpness, (x, sharpness)


def softplus_backward(dout, cache):
    x, sharpness = cache
    return dout / (1 + np.exp(-sharpness * x))


def hard_swish_forward(x):
    """x · clip(x + 3, 0, 6) / 6, in wider units, so that usual inputs reach every piece.

    - x: of shape (N, D)
    """
    wide = 3 * x
    return wide * np.clip(wide + 3, 0, 6) / 6, wide


def hard_swish_backward(dout, wide):
    inside = (wide > -3) & (wide < 3)
    slope = np.where(inside, (2 * wide + 3) / 6, wide >= 3)
    return 3 * dout * slope


def softmax_temperature_forward(x, temperature):
    """A softmax over the last axis, at a learnt temperature.

    - x: of shape (N, T, C)
    - temperature: positive, of shape (1,)
    """
    scaled = x / temperature
    exp = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    p = exp / exp.sum(axis=-1, keepdims=True)
    return p, (p, scaled, temperature)


def softmax_temperature_backward(dout, cache):
    p, scaled, temperature = cache
    dscaled = p * (dout - (dout * p).sum(axis=-1, keepdims=True))
    dtemperature = -(dscaled * scaled).sum(keepdims=True).reshape(1) / temperature
    return dscaled / temperature, dtemperature


def log_softmax_forward(x):
    """The logarithm of a softmax over the classes of each pixel.

    - x: of shape (N, C, H, W)
    """
    shifted = x - x.max(axis=1, keepdims=True)
    out = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return out, out


def log_softmax_backward(dout, out):
    return dout - np.exp(out) * dout.sum(axis=1, keepdims=True)


def maxout_forward(x, w, b):
    """The largest of three affine maps for each unit.

    - x: of shape (N, D)
    - w: of shape (3, D, M)
    - b: of shape (3, M)
    """
    pieces = np.einsum("nd,kdm->knm", x, w) + b[:, None, :]
    winner = pieces.argmax(axis=0)
    return pieces.max(axis=0), (x, w, winner)


def maxout_backward(dout, cache):
    x, w, winner = cache
    dpieces = dout * (winner == np.arange(3)[:, None, None])
    dx = np.einsum("knm,kdm->nd", dpieces, w)
    dw = np.einsum("nd,knm->kdm", x, dpieces)
    return dx, dw, dpieces.sum(axis=1)
