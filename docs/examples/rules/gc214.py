last = {}


def square_forward(x):
    """
    - x: of shape (N, D)
    """
    last["x"] = x
    return x**2, None  # x belongs in the cache that is returned here


def square_backward(dout, cache):
    return 2 * last["x"] * dout
