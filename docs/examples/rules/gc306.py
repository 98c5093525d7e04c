import numpy as np

buffer = {}


def square_forward(x):
    """
    - x: of shape (N, D)
    """
    return x**2, x


def square_backward(dout, x):
    dx = buffer.setdefault(x.shape, np.empty_like(x))
    return np.multiply(2 * x, dout, out=dx)  # one buffer for all calls
