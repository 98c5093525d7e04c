import numpy as np


def row_max_forward(x):
    return x.max(axis=1), x


def row_max_backward(dout, x):
    return dout[:, None] * (x == x.max(axis=1, keepdims=True))


def row_max_inputs(rng):
    return {"x": np.array([[1.0, 3.0, 3.0, 2.0], [0.5, -1.0, 2.5, 2.0]])}
