"""Attention in NumPy: several heads with masks, additive, linear, and rotary positions."""

import numpy as np


def _softmax(scores):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def multi_head_attention_forward(x, wq, wk, wv, wo, lengths):
    """Causal self-attention with several heads; keys at or after `lengths[n]` are padding.

    - x: sequences, of shape (N, T, E)
    - wq: of shape (E, H, K)
    - wk: of shape (E, H, K)
    - wv: of shape (E, H, V)
    - wo: of shape (H, V, M)
    - lengths: integers, of shape (N,), where 1 <= lengths[i] <= T
    """
    steps = np.arange(x.shape[1])
    allowed = (steps[None, :] <= steps[:, None])[None] & (steps[None, None, :] < lengths[:, None, None])
    q = np.einsum("nte,ehk->nhtk", x, wq)
    k = np.einsum("nte,ehk->nhtk", x, wk)
    v = np.einsum("nte,ehv->nhtv", x, wv)
    scale = 1.0 / np.sqrt(wq.shape[2])
    scores = np.where(allowed[:, None], q @ k.transpose(0, 1, 3, 2) * scale, -1e9)
    weights = _softmax(scores)
    heads = weights @ v
    out = np.einsum("nhtv,hvm->ntm", heads, wo)
    return out, (x, wq, wk, wv, wo, allowed, q, k, v, scale, weights, heads)


def multi_head_attention_backward(dout, cache):
    x, wq, wk, wv, wo, allowed, q, k, v, scale, weights, heads = cache
    dwo = np.einsum("nhtv,ntm->hvm", heads, dout)
    dheads = np.einsum("ntm,hvm->nhtv", dout, wo)

    dv = weights.transpose(0, 1, 3, 2) @ dheads
    dweights = dheads @ v.transpose(0, 1, 3, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    dscores = np.where(allowed[:, None], dscores, 0.0) * scale
    dq = dscores @ k
    dk = dscores.transpose(0, 1, 3, 2) @ q

    dwq = np.einsum("nte,nhtk->ehk", x, dq)
    dwk = np.einsum("nte,nhtk->ehk", x, dk)
    dwv = np.einsum("nte,nhtv->ehv", x, dv)
    dx = np.einsum("nhtk,ehk->nte", dq, wq)
    dx += np.einsum("nhtk,ehk->nte", dk, wk)
    dx += np.einsum("nhtv,ehv->nte", dv, wv)
    return dx, dwq, dwk, dwv, dwo


class AdditiveAttention:
    """A weighted mean of the memory: scores are v · tanh(memory @ Wm + query @ Wq).

    - Wm: of shape (D, A)
    - Wq: of shape (E, A)
    - v: of shape (A,)
    """

    def __init__(self, Wm, Wq, v):
        self.Wm, self.Wq, self.v = Wm, Wq, v

    def forward(self, memory, query):
        """
        - memory: of shape (N, T, D)
        - query: of shape (N, E)
        """
        self.memory, self.query = memory, query
        self.hidden = np.tanh(memory @ self.Wm + (query @ self.Wq)[:, None, :])
        self.weights = _softmax(self.hidden @ self.v)
        return np.einsum("nt,ntd->nd", self.weights, memory)

    def backward(self, dcontext):
        dweights = np.einsum("nd,ntd->nt", dcontext, self.memory)
        dscores = self.weights * (dweights - np.sum(dweights * self.weights, axis=1, keepdims=True))
        self.dv = np.einsum("nt,nta->a", dscores, self.hidden)
        dhidden = dscores[:, :, None] * self.v * (1 - self.hidden**2)
        self.dWm = np.einsum("ntd,nta->da", self.memory, dhidden)
        dprojected = dhidden.sum(axis=1)
        self.dWq = self.query.T @ dprojected
        dmemory = self.weights[:, :, None] * dcontext[:, None, :] + dhidden @ self.Wm.T
        return dmemory, dprojected @ self.Wq.T


def _positive(x):
    """elu(x) + 1, and its derivative."""
    grown = np.exp(np.minimum(x, 0))
    return np.where(x > 0, x + 1, grown), np.where(x > 0, 1.0, grown)


def linear_attention(q, k, v):
    """Attention without a softmax, in time linear in the length; returns the output and its pull-back.

    - q: of shape (N, T, D)
    - k: of shape (N, S, D)
    - v: of shape (N, S, M)
    """
    fq, slope_q = _positive(q)
    fk, slope_k = _positive(k)
    memory = np.einsum("nsd,nsm->ndm", fk, v)
    total = fk.sum(axis=1)
    normalizer = np.einsum("ntd,nd->nt", fq, total)
    out = np.einsum("ntd,ndm->ntm", fq, memory) / normalizer[:, :, None]

    def backprop(dout):
        dnumerator = dout / normalizer[:, :, None]
        dnormalizer = -np.sum(dnumerator * out, axis=2)
        dmemory = np.einsum("ntd,ntm->ndm", fq, dnumerator)
        dtotal = np.einsum("nt,ntd->nd", dnormalizer, fq)
        dfq = np.einsum("ntm,ndm->ntd", dnumerator, memory) + dnormalizer[:, :, None] * total[:, None, :]
        dfk = np.einsum("ndm,nsm->nsd", dmemory, v) + dtotal[:, None, :]
        dv = np.einsum("nsd,ndm->nsm", fk, dmemory)
        return dfq * slope_q, dfk * slope_k, dv

    return out, backprop


def rotary_embedding_forward(x, base=100.0):
    """Rotates the two halves of the features by angles that grow with the position.

    - x: queries or keys, of shape (N, T, H, 6)
    """
    half = x.shape[-1] // 2
    frequencies = base ** (-np.arange(half) / half)
    angles = np.arange(x.shape[1])[:, None, None] * frequencies
    cosine, sine = np.cos(angles), np.sin(angles)
    first, second = x[..., :half], x[..., half:]
    out = np.concatenate([first * cosine - second * sine, first * sine + second * cosine], axis=-1)
    return out, (cosine, sine)


def rotary_embedding_backward(dout, cache):
    cosine, sine = cache
    dfirst, dsecond = np.split(dout, 2, axis=-1)
    return np.concatenate([dfirst * cosine + dsecond * sine, dsecond * cosine - dfirst * sine], axis=-1)


class TokenMixing:
    """A residual two-layer network over the positions, the same for every channel: x + W2 tanh(W1 x)."""

    def __init__(self, W1, b1, W2):
        """
        - W1: of shape (H, T)
        - b1: of shape (H,)
        - W2: of shape (T, H)
        """
        self.params = [W1, b1, W2]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, x):
        """
        - x: of shape (N, T, C)
        """
        W1, b1, W2 = self.params
        hidden = np.tanh(np.einsum("ht,ntc->nhc", W1, x) + b1[:, None])
        self.cache = (x, hidden)
        return x + np.einsum("th,nhc->ntc", W2, hidden)

    def backward(self, dout):
        x, hidden = self.cache
        W1, _, W2 = self.params
        dhidden = np.einsum("th,ntc->nhc", W2, dout) * (1 - hidden**2)
        self.grads[0][...] = np.einsum("nhc,ntc->ht", dhidden, x)
        self.grads[1][...] = dhidden.sum(axis=(0, 2))
        self.grads[2][...] = np.einsum("ntc,nhc->th", dout, hidden)
        return dout + np.einsum("ht,nhc->ntc", W1, dhidden)
