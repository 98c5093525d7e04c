import numpy as np


def roll_forward(x):
    """
    - x: of shape (N, D)
    """
    return np.roll(x, 1, axis=1), None


def roll_backward(dout, cache):
    return np.roll(dout, 1, axis=1)  # on, and not back
