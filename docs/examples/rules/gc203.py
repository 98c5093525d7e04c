def subtract_forward(a, b):
    """
    - a: of shape (N, D)
    - b: of shape (N, D)
    """
    return a - b, None


def subtract_backward(dout, cache):
    return 1 * dout, 1 * dout  # b is subtracted
