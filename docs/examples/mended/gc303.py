import numpy as np


def exp_forward(x):
    """
    - x: of shape (N, D)
    """
    return np.exp(x), np.exp(x)


def exp_backward(dout, cache):
    return cache * dout
