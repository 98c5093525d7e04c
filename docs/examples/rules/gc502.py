def linear_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    """
    return x @ w, (x, w)


def linear_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x @ dout  # (N, D) @ (N, M)
