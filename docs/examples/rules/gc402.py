import numpy as np


def affine_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    """
    return x @ w, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    dout = dout.astype(np.float32)  # 16 digits become 7
    return dout @ w.T, x.T @ dout
