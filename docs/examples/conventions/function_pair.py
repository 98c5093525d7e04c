import numpy as np


def affine_forward(x, w, b):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    - b: of shape (M,)
    """
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def rnn_step_forward(x, prev_h, Wx, Wh):
    """
    - x: of shape (N, D)
    - prev_h: of shape (N, H)
    - Wx: of shape (D, H)
    - Wh: of shape (H, H)
    """
    next_h = np.tanh(x @ Wx + prev_h @ Wh)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da


def softmax_forward(x):
    """
    - x: of shape (N, D)
    """
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(dout, out):
    return out * (dout - (dout * out).sum(axis=1, keepdims=True))


def softmax_backward_loop(dout, out):
    dx = np.zeros_like(out)
    for i, p in enumerate(out):
        dx[i] = (np.diag(p) - np.outer(p, p)) @ dout[i]
    return dx
