import numpy as np


def silu_forward(x):
    """
    - x: shape (N, D)
    """
    return x / (1 + np.exp(-x)), x


def silu_backward(dout, x):
    e = np.exp(x)
    s = e / (1 + e)
    return dout * (s + x * s * (1 - s))
