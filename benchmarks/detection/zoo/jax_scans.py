"""Recurrences, dynamic programs and integrators over `lax.scan`, with hand-written backwards in JAX."""

import jax
import jax.numpy as jnp
from jax import lax


@jax.custom_vjp
def linear_scan(decay, x):
    """h[t] = decay[t] · h[t - 1] + x[t], from h[-1] = 0.

    decay: shape (T, D)
    x: shape (T, D)
    """

    def step(h, inputs):
        a, b = inputs
        h = a * h + b
        return h, h

    return lax.scan(step, jnp.zeros(x.shape[1:], x.dtype), (decay, x))[1]


def linear_scan_fwd(decay, x):
    h = linear_scan(decay, x)
    return h, (decay, h)


def linear_scan_bwd(residuals, g):
    decay, h = residuals

    def step(carried, inputs):
        gradient, a = inputs
        total = gradient + carried
        return a * total, total

    _, dx = lax.scan(step, jnp.zeros(h.shape[1:], h.dtype), (g, decay), reverse=True)
    previous = jnp.concatenate([jnp.zeros_like(h[:1]), h[:-1]])
    return dx * previous, dx


linear_scan.defvjp(linear_scan_fwd, linear_scan_bwd)


@jax.custom_vjp
def minimal_gru(params, x, h0):
    """A gated recurrence whose gate and candidate see the input and the state; all states.

    params: dictionary with
        wz: shape (D, H)
        uz: shape (H, H)
        w: shape (D, H)
        u: shape (H, H)
    x: shape (T, N, D)
    h0: shape (N, H)
    """
    return _minimal_gru(params, x, h0)[0]


def _minimal_gru(params, x, h0):
    def step(h, x_t):
        z = jax.nn.sigmoid(x_t @ params["wz"] + h @ params["uz"])
        candidate = jnp.tanh(x_t @ params["w"] + (z * h) @ params["u"])
        new = (1 - z) * h + z * candidate
        return new, (new, h, z, candidate)

    states, *kept = lax.scan(step, h0, x)[1]
    return states, kept


def minimal_gru_fwd(params, x, h0):
    states, kept = _minimal_gru(params, x, h0)
    return states, (params, x, *kept)


def minimal_gru_bwd(residuals, g):
    params, x, before, gates, candidates = residuals

    def step(carried, inputs):
        dh, grads = carried
        g_t, x_t, h, z, candidate = inputs
        dh = dh + g_t
        da = dh * z * (1 - candidate**2)
        dgated = da @ params["u"].T
        dz = (dh * (candidate - h) + dgated * h) * z * (1 - z)
        grads = {
            "wz": grads["wz"] + x_t.T @ dz,
            "uz": grads["uz"] + h.T @ dz,
            "w": grads["w"] + x_t.T @ da,
            "u": grads["u"] + (z * h).T @ da,
        }
        dx_t = da @ params["w"].T + dz @ params["wz"].T
        dh = dh * (1 - z) + dgated * z + dz @ params["uz"].T
        return (dh, grads), dx_t

    zeros = {name: jnp.zeros_like(value) for name, value in params.items()}
    start = (jnp.zeros_like(before[0]), zeros)
    (dh0, grads), dx = lax.scan(step, start, (g, x, before, gates, candidates), reverse=True)
    return grads, dx, dh0


minimal_gru.defvjp(minimal_gru_fwd, minimal_gru_bwd)


@jax.custom_vjp
def crf_log_partition(emissions, transitions):
    """The log-partition of a linear chain, whose backward gives the marginals.

    emissions: shape (T, K)
    transitions: shape (K, K)
    """
    alpha = _messages(emissions, transitions)
    return jax.nn.logsumexp(alpha[-1])


def _messages(emissions, transitions):
    def step(alpha, emission):
        alpha = jax.nn.logsumexp(alpha[:, None] + transitions, axis=0) + emission
        return alpha, alpha

    rest = lax.scan(step, emissions[0], emissions[1:])[1]
    return jnp.concatenate([emissions[:1], rest])


def crf_log_partition_fwd(emissions, transitions):
    alpha = _messages(emissions, transitions)
    total = jax.nn.logsumexp(alpha[-1])
    return total, (emissions, transitions, alpha, total)


def crf_log_partition_bwd(residuals, g):
    emissions, transitions, alpha, total = residuals

    def step(beta, emission):
        beta = jax.nn.logsumexp(transitions + (beta + emission)[None, :], axis=1)
        return beta, beta

    last = jnp.zeros_like(emissions[0])
    earlier = lax.scan(step, last, emissions[1:], reverse=True)[1]
    beta = jnp.concatenate([earlier, last[None]])
    marginals = jnp.exp(alpha + beta - total)
    pairs = alpha[:-1, :, None] + transitions + (emissions[1:] + beta[1:])[:, None, :]
    return g * marginals, g * jnp.exp(pairs - total).sum(axis=0)


crf_log_partition.defvjp(crf_log_partition_fwd, crf_log_partition_bwd)


def _slope(y, w):
    return jnp.sin(y @ w) - 0.1 * y


@jax.custom_vjp
def heun_rollout(y0, w):
    """Four of Heun's steps of y' = sin(y w) - y/10, whose backward runs them again from the states it kept.

    y0: shape (N, D)
    w: shape (D, D)
    """
    return _rollout(y0, w)[-1]


def _rollout(y0, w, h=0.25):
    states = [y0]
    for _ in range(4):
        y = states[-1]
        k1 = _slope(y, w)
        states.append(y + h / 2 * (k1 + _slope(y + h * k1, w)))
    return states


def heun_rollout_fwd(y0, w):
    states = _rollout(y0, w)
    return states[-1], (states[:-1], w)


def heun_rollout_bwd(residuals, g, h=0.25):
    states, w = residuals
    dw = jnp.zeros_like(w)
    for y in reversed(states):
        middle = y + h * _slope(y, w)
        dk2 = h / 2 * g
        da2 = dk2 * jnp.cos(middle @ w)
        dmiddle = da2 @ w.T - 0.1 * dk2
        dk1 = h / 2 * g + h * dmiddle
        da1 = dk1 * jnp.cos(y @ w)
        dw = dw + y.T @ da1 + middle.T @ da2
        g = g + dmiddle + da1 @ w.T - 0.1 * dk1
    return g, dw


heun_rollout.defvjp(heun_rollout_fwd, heun_rollout_bwd)
