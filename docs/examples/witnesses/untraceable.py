import numpy as np


def softplus_forward(x):
    """
    - x: of shape (N, D)
    """
    memory = np.frombuffer(x.tobytes(), dtype=x.dtype)  # a kernel in C would read plain memory like this
    return np.log1p(np.exp(memory)).reshape(x.shape), x


def softplus_backward(dout, x):
    return dout / (1 + np.exp(-x))
