"""Two layers that do not fit together."""

from gradcheck_cli import Sequential


def affine_forward(x, w, b):
    """
    - x: shape (N, D)
    - w: shape (D, M)
    - b: shape (M,)
    """
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


net = Sequential(
    [("fc1", affine_forward), ("fc2", affine_forward)],
    inputs={"x": "N,6", "fc1.w": "6,5", "fc2.w": "4,3"},
)
