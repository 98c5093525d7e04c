import numpy as np


def clip_forward(x):
    """
    - x: of shape (N, D)
    """
    return np.clip(x, -1, 1), x


def clip_backward(dout, x):
    return dout * ((x > -1) & (x < 1))
