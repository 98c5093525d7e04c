def linear_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D, D)
    """
    return x @ w, (x, w)


def linear_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout
