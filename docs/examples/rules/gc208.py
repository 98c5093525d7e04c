import numpy as np


def dense_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    """
    out = np.tanh(x @ w)
    return out, (x, w, out)


def dense_backward(dout, cache):
    x, w, out = cache
    return dout @ w.T, x.T @ dout  # as if there were no tanh
