"""Layers that draw random numbers in their forward, from NumPy's global state, as layers for training do."""

import numpy as np


def own_dropout_forward(x, p=0.3):
    """Inverted dropout that draws its mask.

    - x: of shape (N, D)
    """
    mask = (np.random.rand(*x.shape) >= p) / (1 - p)  # noqa: NPY002
    return x * mask, mask


def own_dropout_backward(dout, mask):
    return dout * mask


class NoisyLinear:
    """A linear layer with noise of a learnt size on its weights (Fortunato et al. 2018)."""

    def __init__(self, W, sigma):
        """
        - W: of shape (D, M)
        - sigma: of shape (D, M)
        """
        self.W, self.sigma = W, sigma

    def forward(self, x):
        """
        - x: of shape (N, D)
        """
        self.noise = np.random.randn(*self.W.shape)  # noqa: NPY002
        self.x = x
        return x @ (self.W + self.sigma * self.noise)

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.dsigma = self.dW * self.noise
        return dout @ (self.W + self.sigma * self.noise).T


def stochastic_depth_forward(x, W, survival=0.6):
    """A residual branch that is skipped at random for each example (Huang et al. 2016).

    - x: of shape (N, D)
    - W: of shape (D, D)
    """
    alive = (np.random.uniform(size=(len(x), 1)) < survival) / survival  # noqa: NPY002
    branch = np.tanh(x @ W)
    return x + alive * branch, (x, W, alive, branch)


def stochastic_depth_backward(dout, cache):
    x, W, alive, branch = cache
    da = dout * alive * (1 - branch**2)
    return dout + da @ W.T, x.T @ da
