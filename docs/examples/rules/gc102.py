def affine_forward(x, w, b):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    - b: of shape (M,)
    """
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout  # and db?
