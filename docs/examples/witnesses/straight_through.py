import numpy as np


def quantize_forward(x):
    """
    - x: of shape (N, D)
    """
    return np.round(4 * x) / 4, None


def quantize_backward(dout, cache):  # gradcheck: expect[straight-through]
    return dout


def scaled_forward(x):
    """
    - x: of shape (N, D)
    """
    return np.round(4 * x) / 4, None


def scaled_backward(dout, cache):  # gradcheck: expect[straight-through]
    return 4 * dout
