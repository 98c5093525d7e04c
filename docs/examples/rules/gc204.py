def square_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D, D)
    """
    return x @ w, (x, w)


def square_backward(dout, cache):
    x, w = cache
    return dout @ w.T, dout.T @ x  # x.T @ dout has the same shape
