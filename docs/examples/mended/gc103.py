def scale_forward(x, gamma):
    """
    - x: of shape (N, D)
    - gamma: of shape (D,)
    """
    return x * gamma, (x, gamma)


def scale_backward(dout, cache):
    x, gamma = cache
    return dout * gamma, (dout * x).sum(axis=0)
