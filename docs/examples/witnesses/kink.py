import numpy as np


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(dout, x):
    return dout * (x > 0)


def relu_inputs(rng):
    return {"x": np.array([[-1.5, 0.0, 2.0], [0.0, 0.5, -0.25]])}
