"""Layers that multiply, gate and skip, in NumPy."""

import numpy as np


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def glu_forward(x):
    """A gated linear unit: one half of the features times the sigmoid of the other.

    - x: of shape (N, T, 8)
    """
    value, logit = np.split(x, 2, axis=-1)
    gate = _sigmoid(logit)
    return value * gate, (value, gate)


def glu_backward(dout, cache):
    value, gate = cache
    return np.concatenate([dout * gate, dout * value * gate * (1 - gate)], axis=-1)


class SwiGLU:
    """The feed-forward block (silu(x @ W) * (x @ V)) @ U.

    - W: of shape (D, H)
    - V: of shape (D, H)
    - U: of shape (H, D)
    """

    def __init__(self, W, V, U):
        self.W, self.V, self.U = W, V, U

    def forward(self, x):
        """
        - x: of shape (N, D)
        """
        self.x = x
        self.a, self.v = x @ self.W, x @ self.V
        self.gate = _sigmoid(self.a)
        self.hidden = self.a * self.gate * self.v
        return self.hidden @ self.U

    def backward(self, dout):
        self.dU = self.hidden.T @ dout
        dhidden = dout @ self.U.T
        dv = dhidden * self.a * self.gate
        da = dhidden * self.v * self.gate * (1 + self.a * (1 - self.gate))
        self.dW = self.x.T @ da
        self.dV = self.x.T @ dv
        return da @ self.W.T + dv @ self.V.T


def bilinear_forward(x1, x2, W, b):
    """out[n, k] = x1[n] · W[k] · x2[n] + b[k].

    - x1: of shape (N, P)
    - x2: of shape (N, Q)
    - W: of shape (K, P, Q)
    - b: of shape (K,)
    """
    return np.einsum("np,kpq,nq->nk", x1, W, x2) + b, (x1, x2, W)


def bilinear_backward(dout, cache):
    x1, x2, W = cache
    dx1 = np.einsum("nk,kpq,nq->np", dout, W, x2)
    dx2 = np.einsum("nk,kpq,np->nq", dout, W, x1)
    dW = np.einsum("nk,np,nq->kpq", dout, x1, x2)
    return dx1, dx2, dW, dout.sum(axis=0)


def factorization_machine_forward(x, w0, w, V):
    """A second-order factorisation machine (Rendle 2010) in linear time.

    - x: of shape (N, D)
    - w0: of shape (1,)
    - w: of shape (D,)
    - V: of shape (D, K)
    """
    sums = x @ V
    pairs = 0.5 * (sums**2 - (x**2) @ (V**2)).sum(axis=1)
    return w0 + x @ w + pairs, (x, w, V, sums)


def factorization_machine_backward(dout, cache):
    x, w, V, sums = cache
    dw0 = dout.sum(keepdims=True)
    dw = x.T @ dout
    dV = x.T @ (dout[:, None] * sums) - V * ((x**2).T @ dout)[:, None]
    dx = dout[:, None] * (w + sums @ V.T - x * (V**2).sum(axis=1))
    return dx, dw0, dw, dV


class Highway:
    """t * tanh(x W + b) + (1 - t) * x, with the gate t = sigmoid(x U + c)."""

    def __init__(self, W, b, U, c):
        """
        - W: of shape (D, D)
        - b: of shape (D,)
        - U: of shape (D, D)
        - c: of shape (D,)
        """
        self.params = [W, b, U, c]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, x):
        """
        - x: of shape (N, D)
        """
        W, b, U, c = self.params
        hidden = np.tanh(x @ W + b)
        gate = _sigmoid(x @ U + c)
        self.cache = (x, hidden, gate)
        return gate * hidden + (1 - gate) * x

    def backward(self, dout):
        x, hidden, gate = self.cache
        W, _, U, _ = self.params
        da = dout * gate * (1 - hidden**2)
        dlogit = dout * (hidden - x) * gate * (1 - gate)
        for grad, value in zip(self.grads, (x.T @ da, da.sum(axis=0), x.T @ dlogit, dlogit.sum(axis=0))):
            grad[...] = value
        return dout * (1 - gate) + da @ W.T + dlogit @ U.T


class ResidualBlock:
    """x + W2 relu(W1 rms(x)): the normalisation comes first.

    - W1: of shape (D, H)
    - W2: of shape (H, D)
    """

    def __init__(self, W1, W2):
        self.W1, self.W2 = W1, W2

    def forward(self, x):
        """
        - x: of shape (N, D)
        """
        self.rms = np.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-6)
        self.normal = x / self.rms
        self.hidden = np.maximum(self.normal @ self.W1, 0)
        return x + self.hidden @ self.W2

    def backward(self, dout):
        self.dW2 = self.hidden.T @ dout
        da = (dout @ self.W2.T) * (self.hidden > 0)
        self.dW1 = self.normal.T @ da
        dnormal = da @ self.W1.T
        along = (dnormal * self.normal).mean(axis=1, keepdims=True)
        return dout + (dnormal - self.normal * along) / self.rms


class SqueezeExcite:
    """Channels rescaled by a gate that is computed from their means.

    - W1: of shape (C, R)
    - W2: of shape (R, C)
    """

    def __init__(self, W1, W2):
        self.W1, self.W2 = W1, W2

    def forward(self, x):
        """
        - x: images, of shape (N, C, H, W)
        """
        self.x = x
        self.squeezed = x.mean(axis=(2, 3))
        self.hidden = np.maximum(self.squeezed @ self.W1, 0)
        self.gate = _sigmoid(self.hidden @ self.W2)
        return x * self.gate[:, :, None, None]

    def backward(self, dout):
        H, W = self.x.shape[2:]
        dlogit = (dout * self.x).sum(axis=(2, 3)) * self.gate * (1 - self.gate)
        self.dW2 = self.hidden.T @ dlogit
        dhidden = (dlogit @ self.W2.T) * (self.hidden > 0)
        self.dW1 = self.squeezed.T @ dhidden
        dsqueezed = dhidden @ self.W1.T / (H * W)
        return dout * self.gate[:, :, None, None] + dsqueezed[:, :, None, None]


def dropout_forward(x, mask, p=0.4):
    """Inverted dropout with a mask that is given.

    - x: of shape (N, D)
    - mask: True where an entry is kept, of shape (N, D)
    """
    return np.where(mask, x, 0) / (1 - p), (mask, p)


def dropout_backward(dout, cache):
    mask, p = cache
    return dout * mask / (1 - p)


def dropout_inputs(rng):
    return {"x": rng.normal(size=(4, 5)).round(2), "mask": rng.random((4, 5)) < 0.6}


def film_forward(x, condition, Wg, Wb):
    """Feature-wise modulation: x * (1 + c Wg) + c Wb, the same for every time step.

    - x: of shape (N, T, D)
    - condition: of shape (N, E)
    - Wg: of shape (E, D)
    - Wb: of shape (E, D)
    """
    gain = 1 + condition @ Wg
    shift = condition @ Wb
    return x * gain[:, None] + shift[:, None], (x, condition, Wg, Wb, gain)


def film_backward(dout, cache):
    x, condition, Wg, Wb, gain = cache
    dgain = np.sum(dout * x, axis=1)
    dshift = np.sum(dout, axis=1)
    dcondition = dgain @ Wg.T + dshift @ Wb.T
    return dout * gain[:, None], dcondition, condition.T @ dgain, condition.T @ dshift
