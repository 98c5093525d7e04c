def relu_forward(x):
    """
    - x: of shape (N, D)
    """
    x[x < 0] = 0  # x is the caller's
    return x, x


def relu_backward(dout, out):
    return dout * (out > 0)
