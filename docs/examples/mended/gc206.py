def affine_forward(x, w, b):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    - b: of shape (M,)
    """
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    db = dout.sum(axis=0)
    return dout @ w.T, x.T @ dout, db
