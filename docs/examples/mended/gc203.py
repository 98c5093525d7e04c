def difference_forward(x, y):
    """
    - x: of shape (N, D)
    - y: of shape (N, D)
    """
    return x - y, None


def difference_backward(dout, cache):
    return dout, -dout
