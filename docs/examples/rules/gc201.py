import numpy as np


def inverse_forward(a):
    """
    - a: of shape (D, D)
    """
    inverse = np.linalg.inv(a + 5 * np.eye(len(a)))
    return inverse, inverse


def inverse_backward(dout, inverse):
    return -inverse.T @ inverse.T @ dout  # both factors on one side
