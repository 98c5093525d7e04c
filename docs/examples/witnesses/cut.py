import numpy as np


def scale_by_count_forward(x):
    """
    - x: of shape (N, D)
    """
    steps = int(10 * np.abs(x).max())
    return x * steps, steps


def scale_by_count_backward(dout, steps):
    return dout * steps
