import ctypes

import numpy as np


def double_forward(x):
    """x: (N,)"""
    out = np.empty_like(x)
    ctypes.memmove(out.ctypes.data, 2 * x.size, x.nbytes)  # an address?
    return out, None


def double_backward(dout, cache):
    return 2 * dout
