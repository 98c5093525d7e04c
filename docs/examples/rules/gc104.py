import numpy as np


def linear_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    """
    return x @ w, (x, w)


def linear_backward(dout, cache):
    x, w = cache
    dw = np.zeros(w.shape, dtype=np.float32)  # w is float64
    dw += x.T @ dout
    return dout @ w.T, dw
