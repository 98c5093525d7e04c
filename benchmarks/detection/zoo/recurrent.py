"""Recurrent layers in NumPy, unrolled over time."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_forward(x, h0, Wx, Wh, b):
    """A vanilla RNN with tanh; returns all hidden states.

    - x: sequences, of shape (N, T, D)
    - h0: the first hidden state, of shape (N, H)
    - Wx: of shape (D, H)
    - Wh: of shape (H, H)
    - b: of shape (H,)
    """
    h = np.empty((x.shape[0], x.shape[1], h0.shape[1]), dtype=x.dtype)
    state = h0
    for t in range(x.shape[1]):
        state = np.tanh(x[:, t] @ Wx + state @ Wh + b)
        h[:, t] = state
    return h, (x, h0, Wx, Wh, h)


def rnn_backward(dh, cache):
    x, h0, Wx, Wh, h = cache
    dx = np.empty_like(x)
    dWx, dWh = np.zeros_like(Wx), np.zeros_like(Wh)
    db = np.zeros(Wh.shape[0], dtype=x.dtype)
    dstate = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        previous = h[:, t - 1] if t > 0 else h0
        da = (dh[:, t] + dstate) * (1 - h[:, t] ** 2)
        dx[:, t] = da @ Wx.T
        dWx += x[:, t].T @ da
        dWh += previous.T @ da
        db += da.sum(axis=0)
        dstate = da @ Wh.T
    return dx, dstate, dWx, dWh, db


def lstm_forward(x, h0, c0, Wx, Wh, b):
    """A long short-term memory; returns all hidden states and the last cell state.

    - x: sequences, of shape (N, T, D)
    - h0: of shape (N, H)
    - c0: of shape (N, H)
    - Wx: of shape (D, 4H), for the input, forget, output and candidate gates
    - Wh: of shape (H, 4H)
    - b: of shape (4H,)
    """
    H = h0.shape[1]
    h, c = h0, c0
    outputs, steps = [], []
    for t in range(x.shape[1]):
        a = x[:, t] @ Wx + h @ Wh + b
        i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
        g = np.tanh(a[:, 3 * H :])
        next_c = f * c + i * g
        squashed = np.tanh(next_c)
        steps.append((h, c, i, f, o, g, squashed))
        h, c = o * squashed, next_c
        outputs.append(h)
    return np.stack(outputs, axis=1), c, (x, Wx, Wh, steps)


def lstm_backward(dh, dc, cache):
    x, Wx, Wh, steps = cache
    dx = np.zeros_like(x)
    dWx, dWh = np.zeros_like(Wx), np.zeros_like(Wh)
    db = np.zeros(Wx.shape[1], dtype=x.dtype)
    dh_next = np.zeros_like(dc)
    for t in range(len(steps) - 1, -1, -1):
        h, c, i, f, o, g, squashed = steps[t]
        dh_t = dh[:, t] + dh_next
        dc = dc + dh_t * o * (1 - squashed**2)
        da = np.concatenate(
            [
                dc * g * i * (1 - i),
                dc * c * f * (1 - f),
                dh_t * squashed * o * (1 - o),
                dc * i * (1 - g**2),
            ],
            axis=1,
        )
        dx[:, t] = da @ Wx.T
        dWx += x[:, t].T @ da
        dWh += h.T @ da
        db += da.sum(axis=0)
        dh_next = da @ Wh.T
        dc = dc * f
    return dx, dh_next, dc, dWx, dWh, db


class GRU:
    """A gated recurrent unit over time; returns the last hidden state.

    The candidate is tanh(x @ W + (r * h) @ U), the update gate z keeps the old state.
    """

    def __init__(self, Wz, Uz, bz, Wr, Ur, br, W, U, b):
        """
        - Wz: of shape (D, H)
        - Uz: of shape (H, H)
        - bz: of shape (H,)
        - Wr: of shape (D, H)
        - Ur: of shape (H, H)
        - br: of shape (H,)
        - W: of shape (D, H)
        - U: of shape (H, H)
        - b: of shape (H,)
        """
        self.params = {"Wz": Wz, "Uz": Uz, "bz": bz, "Wr": Wr, "Ur": Ur, "br": br, "W": W, "U": U, "b": b}
        self.grads = {}

    def forward(self, x, h):
        """
        - x: of shape (N, T, D)
        - h: of shape (N, H)
        """
        p = self.params
        self.x, self.steps = x, []
        for t in range(x.shape[1]):
            z = sigmoid(x[:, t] @ p["Wz"] + h @ p["Uz"] + p["bz"])
            r = sigmoid(x[:, t] @ p["Wr"] + h @ p["Ur"] + p["br"])
            candidate = np.tanh(x[:, t] @ p["W"] + (r * h) @ p["U"] + p["b"])
            self.steps.append((h, z, r, candidate))
            h = z * h + (1 - z) * candidate
        return h

    def backward(self, dh):
        p = self.params
        grads = {name: np.zeros_like(value) for name, value in p.items()}
        dx = np.zeros_like(self.x)
        for t in reversed(range(len(self.steps))):
            x_t = self.x[:, t]
            h, z, r, candidate = self.steps[t]
            da = dh * (1 - z) * (1 - candidate**2)
            dz = dh * (h - candidate) * z * (1 - z)
            dgated = da @ p["U"].T
            dr = dgated * h * r * (1 - r)

            grads["W"] += x_t.T @ da
            grads["U"] += (r * h).T @ da
            grads["b"] += da.sum(axis=0)
            grads["Wz"] += x_t.T @ dz
            grads["Uz"] += h.T @ dz
            grads["bz"] += dz.sum(axis=0)
            grads["Wr"] += x_t.T @ dr
            grads["Ur"] += h.T @ dr
            grads["br"] += dr.sum(axis=0)

            dx[:, t] = da @ p["W"].T + dz @ p["Wz"].T + dr @ p["Wr"].T
            dh = dh * z + dgated * r + dz @ p["Uz"].T + dr @ p["Ur"].T
        self.grads = grads
        return dx, dh


class IndRNN:
    """An RNN whose units see only their own past: h = relu(x + u * h).

    - u: recurrent weights, of shape (H,)
    """

    def __init__(self, u):
        self.u = u

    def forward(self, x):
        """
        - x: of shape (T, N, H)
        """
        self.x = x
        self.h = np.zeros((x.shape[0] + 1, *x.shape[1:]), dtype=x.dtype)
        for t in range(x.shape[0]):
            self.h[t + 1] = np.maximum(x[t] + self.u * self.h[t], 0)
        return self.h[1:].copy()

    def backward(self, dout):
        self.du = np.zeros_like(self.u)
        dx = np.zeros_like(self.x)
        dh = np.zeros_like(self.x[0])
        for t in reversed(range(self.x.shape[0])):
            da = (dout[t] + dh) * (self.h[t + 1] > 0)
            dx[t] = da
            self.du += (da * self.h[t]).sum(axis=0)
            dh = da * self.u
        return dx
