import ctypes

import numpy as np


def double_forward(x):
    """x: (N,)"""
    out = np.empty_like(x)
    doubled = 2 * x
    ctypes.memmove(out.ctypes.data, doubled.ctypes.data, doubled.nbytes)
    return out, None


def double_backward(dout, cache):
    return 2 * dout
