import numpy as np

from gradcheck_cli import layer


def fast_softplus(x):
    return np.maximum(x, 0) + np.log(1 + np.abs(x)), x  # no exp


def fast_softplus_backward(dout, x):
    return dout / (1 + np.exp(-x))


softplus = layer(
    forward=fast_softplus,
    backward=fast_softplus_backward,
    inputs={"x": "N,D"},
    reference=lambda x: np.logaddexp(x, 0),
)
