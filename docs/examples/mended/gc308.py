import numpy as np


class Linear:
    def __init__(self, W):
        """W: array of shape (D, M)"""
        self.W = W
        self.dW = np.zeros_like(W)

    def forward(self, x):
        """x: array of shape (N, D)"""
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T
