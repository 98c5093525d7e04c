import numpy as np


def square_forward(x):
    """
    - x: of shape (N, D)
    """
    return x**2, x


def square_backward(dout, x):
    dx = np.zeros_like(x)  # Fortran-ordered where x is
    dx.reshape(-1)[:] = (2 * x * dout).reshape(-1)  # and then `.reshape(-1)` is a copy
    return dx
