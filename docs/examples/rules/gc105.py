def affine_forward(x, params):
    """
    - x: of shape (N, D)
    - params: dictionary with the keys:
      - W: of shape (D, M)
      - b: of shape (M,)
    """
    return x @ params["W"] + params["b"], (x, params)


def affine_backward(dout, cache):
    x, params = cache
    grads = {"W": x.T @ dout}  # and "b"?
    return dout @ params["W"].T, grads
