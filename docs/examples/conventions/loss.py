import numpy as np


def softmax_loss(x, y):
    """
    - x: scores, of shape (N, C)
    - y: labels, of shape (N,), where 0 <= y[i] < C
    """
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.log(p[rows, y]).mean()
    dx = p.copy()
    dx[rows, y] -= 1
    return loss, dx / len(y)
