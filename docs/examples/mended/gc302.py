import numpy as np


def relu_forward(x):
    """
    - x: of shape (N, D)
    """
    return np.maximum(x, 0), x


def relu_backward(dout, x):
    dx = dout.copy()
    dx[x <= 0] = 0
    return dx
