"""Normalisation, attention, convolution and indexing with hand-written backwards in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


@jax.custom_vjp
def layer_norm(x, gain, bias):
    """Layer normalisation over the last axis.

    x: shape (N, T, D)
    gain: shape (D,)
    bias: shape (D,)
    """
    mean = jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.var(x, axis=-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-6) * gain + bias


def layer_norm_fwd(x, gain, bias):
    mean = jnp.mean(x, axis=-1, keepdims=True)
    inverse = lax.rsqrt(jnp.var(x, axis=-1, keepdims=True) + 1e-6)
    normal = (x - mean) * inverse
    return normal * gain + bias, (normal, inverse, gain)


def layer_norm_bwd(residuals, g):
    normal, inverse, gain = residuals
    dnormal = g * gain
    projected = jnp.mean(dnormal * normal, axis=-1, keepdims=True)
    dx = inverse * (dnormal - jnp.mean(dnormal, axis=-1, keepdims=True) - normal * projected)
    return dx, jnp.sum(g * normal, axis=(0, 1)), jnp.sum(g, axis=(0, 1))


layer_norm.defvjp(layer_norm_fwd, layer_norm_bwd)


def ghost_norm_forward(x, gamma):
    """Batch normalisation in two halves of the batch, each with its own statistics.

    x: shape (6, D)
    gamma: shape (D,)
    """
    halves = x.reshape(2, 3, -1)
    mean = halves.mean(axis=1, keepdims=True)
    std = jnp.sqrt(halves.var(axis=1, keepdims=True) + 1e-3)
    normal = (halves - mean) / std
    return (normal * gamma).reshape(x.shape), (normal, std, gamma)


def ghost_norm_backward(dout, cache):
    normal, std, gamma = cache
    g = dout.reshape(normal.shape)
    dgamma = (g * normal).sum(axis=(0, 1))
    dnormal = g * gamma
    centred = dnormal - dnormal.mean(axis=1, keepdims=True)
    dx = (centred - normal * (dnormal * normal).mean(axis=1, keepdims=True)) / std
    return dx.reshape(dout.shape), dgamma


@jax.custom_vjp
def causal_attention(q, k, v):
    """Causal attention of one head, whose backward recomputes the weights from the row's logsumexp.

    q: shape (N, T, D)
    k: shape (N, T, D)
    v: shape (N, T, M)
    """
    scores = jnp.einsum("ntd,nsd->nts", q, k) / jnp.sqrt(q.shape[-1])
    scores = jnp.where(jnp.tril(jnp.ones(scores.shape[1:], bool)), scores, -jnp.inf)
    return jax.nn.softmax(scores, axis=-1) @ v


def causal_attention_fwd(q, k, v):
    scores = jnp.einsum("ntd,nsd->nts", q, k) / jnp.sqrt(q.shape[-1])
    scores = jnp.where(jnp.tril(jnp.ones(scores.shape[1:], bool)), scores, -jnp.inf)
    log_total = jax.nn.logsumexp(scores, axis=-1)
    out = jnp.exp(scores - log_total[..., None]) @ v
    return out, (q, k, v, out, log_total)


def causal_attention_bwd(residuals, g):
    q, k, v, out, log_total = residuals
    scale = 1 / jnp.sqrt(q.shape[-1])
    scores = jnp.einsum("ntd,nsd->nts", q, k) * scale
    past = jnp.tril(jnp.ones(scores.shape[1:], bool))
    weights = jnp.where(past, jnp.exp(scores - log_total[..., None]), 0.0)
    dweights = jnp.einsum("ntm,nsm->nts", g, v)
    delta = jnp.sum(g * out, axis=-1, keepdims=True)
    dscores = weights * (dweights - delta) * scale
    dq = jnp.einsum("nts,nsd->ntd", dscores, k)
    dk = jnp.einsum("nts,ntd->nsd", dscores, q)
    dv = jnp.einsum("nts,ntm->nsm", weights, g)
    return dq, dk, dv


causal_attention.defvjp(causal_attention_fwd, causal_attention_bwd)


def rotate_pairs(x, theta):
    """Neighbouring features turned by a learnt angle a pair, times the position; the output and its pull-back.

    x: shape (T, 6)
    theta: shape (3,)
    """
    position = jnp.arange(x.shape[0])[:, None]
    cosine, sine = jnp.cos(position * theta), jnp.sin(position * theta)
    even, odd = x[:, 0::2], x[:, 1::2]
    turned_even, turned_odd = even * cosine - odd * sine, even * sine + odd * cosine
    out = jnp.stack([turned_even, turned_odd], axis=-1).reshape(x.shape)

    def pullback(g):
        g_even, g_odd = g[:, 0::2], g[:, 1::2]
        deven = g_even * cosine + g_odd * sine
        dodd = g_odd * cosine - g_even * sine
        dtheta = jnp.sum(position * (g_odd * turned_even - g_even * turned_odd), axis=0)
        return jnp.stack([deven, dodd], axis=-1).reshape(x.shape), dtheta

    return out, pullback


_LAYOUT = ("NCHW", "OIHW", "NCHW")


@jax.custom_vjp
def conv2d(x, w, b):
    """Convolution with stride 1 and padding 1.

    x: images, shape (N, C, H, W)
    w: kernels, shape (F, C, 3, 3)
    b: shape (F,)
    """
    out = lax.conv_general_dilated(x, w, (1, 1), ((1, 1), (1, 1)), dimension_numbers=_LAYOUT)
    return out + b[:, None, None]


def conv2d_fwd(x, w, b):
    return conv2d(x, w, b), (x, w)


def conv2d_bwd(residuals, g):
    x, w = residuals
    turned = jnp.flip(w, axis=(2, 3)).transpose(1, 0, 2, 3)
    dx = lax.conv_general_dilated(g, turned, (1, 1), ((1, 1), (1, 1)), dimension_numbers=_LAYOUT)
    dw = lax.conv_general_dilated(
        x.transpose(1, 0, 2, 3), g.transpose(1, 0, 2, 3), (1, 1), ((1, 1), (1, 1)), dimension_numbers=_LAYOUT
    ).transpose(1, 0, 2, 3)
    return dx, dw, g.sum(axis=(0, 2, 3))


conv2d.defvjp(conv2d_fwd, conv2d_bwd)


class MeanPool1d:
    """Means of overlapping windows of three, stride 2, by a cumulative sum."""

    def forward(self, x):
        """
        x: shape (N, C, 7)
        """
        self.length = x.shape[2]
        total = jnp.pad(jnp.cumsum(x, axis=2), ((0, 0), (0, 0), (1, 0)))
        start = jnp.arange(0, self.length - 2, 2)
        return (total[:, :, start + 3] - total[:, :, start]) / 3

    def backward(self, dout):
        start = jnp.arange(0, self.length - 2, 2)
        dtotal = jnp.zeros((*dout.shape[:2], self.length + 1), dout.dtype)
        dtotal = dtotal.at[:, :, start + 3].add(dout / 3)
        dtotal = dtotal.at[:, :, start].add(-dout / 3)
        return jnp.flip(jnp.cumsum(jnp.flip(dtotal[:, :, 1:], axis=2), axis=2), axis=2)


@jax.custom_vjp
def lookup(table, ids):
    """Rows of a table, scaled by the square root of their size as in a transformer.

    table: shape (V, D)
    ids: integers, shape (N, T), where 0 <= ids[i] < V
    """
    return table[ids] * jnp.sqrt(table.shape[1])


def lookup_fwd(table, ids):
    return lookup(table, ids), (table.shape, ids)


def lookup_bwd(residuals, g):
    shape, ids = residuals
    scaled = g * jnp.sqrt(shape[1])
    return jnp.zeros(shape, g.dtype).at[ids].add(scaled), None


lookup.defvjp(lookup_fwd, lookup_bwd)


def segment_mean_forward(x, segment):
    """Means of the rows of each of three segments, none of them empty.

    x: shape (E, D)
    segment: integers, shape (E,)
    """
    count = jax.ops.segment_sum(jnp.ones(len(segment)), segment, num_segments=3)[:, None]
    return jax.ops.segment_sum(x, segment, num_segments=3) / count, (segment, count)


def segment_mean_backward(g, cache):
    segment, count = cache
    return (g / count)[segment]


def segment_mean_inputs(rng):
    return {"x": rng.normal(size=(6, 4)).round(2), "segment": np.array([2, 0, 1, 2, 2, 0])}
