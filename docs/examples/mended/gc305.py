import numpy as np


class Dropout:
    def forward(self, x):
        """x: array of shape (N, D)"""
        self.mask = np.random.rand(*x.shape) > 0.5
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask
