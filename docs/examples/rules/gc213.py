import numpy as np


def delay_forward(x):
    """
    - x: of shape (N, T)
    """
    return np.roll(x, 1, axis=1), None


def delay_backward(dout, cache):
    return np.roll(dout, 1, axis=1)  # on, where it had to be back
