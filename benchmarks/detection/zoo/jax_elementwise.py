"""Activations, softmaxes and gates with hand-written rules in JAX."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.scipy.special import erf, logsumexp


@jax.custom_vjp
def gelu_exact(x):
    """x · Φ(x).

    x: shape (N, D)
    """
    return 0.5 * x * (1 + erf(x / jnp.sqrt(2.0)))


def gelu_exact_fwd(x):
    cdf = 0.5 * (1 + erf(x / jnp.sqrt(2.0)))
    return x * cdf, (x, cdf)


def gelu_exact_bwd(residuals, g):
    x, cdf = residuals
    density = jnp.exp(-0.5 * x**2) / jnp.sqrt(2 * jnp.pi)
    return (g * (cdf + x * density),)


gelu_exact.defvjp(gelu_exact_fwd, gelu_exact_bwd)


@jax.custom_jvp
def stable_logsumexp(x):
    """log Σ exp over the last axis.

    x: shape (N, T, C)
    """
    top = jnp.max(x, axis=-1, keepdims=True)
    return jnp.log(jnp.sum(jnp.exp(x - top), axis=-1)) + top[..., 0]


@stable_logsumexp.defjvp
def stable_logsumexp_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    out = stable_logsumexp(x)
    return out, jnp.sum(jnp.exp(x - out[..., None]) * dx, axis=-1)


@jax.custom_jvp
def safe_sqrt(x):
    """The square root, with the slope 0 instead of infinity at 0.

    x: positive, shape (N, D)
    """
    return jnp.sqrt(x)


@safe_sqrt.defjvp
def safe_sqrt_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    root = safe_sqrt(x)
    inside = root > 0
    return root, jnp.where(inside, dx / (2 * jnp.where(inside, root, 1.0)), 0.0)


@jax.custom_jvp
def polar(x, y):
    """Radius and angle of points.

    x: shape (N,)
    y: shape (N,)
    """
    return jnp.sqrt(x**2 + y**2), jnp.arctan2(y, x)


@polar.defjvp
def polar_jvp(primals, tangents):
    x, y = primals
    dx, dy = tangents
    radius, angle = polar(x, y)
    return (radius, angle), ((x * dx + y * dy) / radius, (x * dy - y * dx) / radius**2)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def log_softmax_axis(x, axis=1):
    """The logarithm of a softmax along an axis.

    x: shape (N, C, T)
    """
    return x - logsumexp(x, axis=axis, keepdims=True)


def log_softmax_axis_fwd(x, axis):
    out = x - logsumexp(x, axis=axis, keepdims=True)
    return out, out


def log_softmax_axis_bwd(axis, out, g):
    return (g - jnp.exp(out) * jnp.sum(g, axis=axis, keepdims=True),)


log_softmax_axis.defvjp(log_softmax_axis_fwd, log_softmax_axis_bwd)


@jax.jit
@jax.custom_vjp
def geglu(x, w, v):
    """gelu(x w) · (x v), with the sigmoid's approximation of GELU.

    x: shape (N, D)
    w: shape (D, H)
    v: shape (D, H)
    """
    a = x @ w
    return a * jax.nn.sigmoid(1.702 * a) * (x @ v)


def geglu_fwd(x, w, v):
    a, value = x @ w, x @ v
    gate = jax.nn.sigmoid(1.702 * a)
    return a * gate * value, (x, w, v, a, gate, value)


def geglu_bwd(residuals, g):
    x, w, v, a, gate, value = residuals
    dvalue = g * a * gate
    da = g * value * (gate + 1.702 * a * gate * (1 - gate))
    return da @ w.T + dvalue @ v.T, x.T @ da, x.T @ dvalue


geglu.__wrapped__.defvjp(geglu_fwd, geglu_bwd)


def sparsemax_forward(z):
    """The Euclidean projection of scores on the probability simplex (Martins and Astudillo 2016).

    z: shape (N, C)
    """
    ordered = -jnp.sort(-z, axis=1)
    rank = jnp.arange(1, z.shape[1] + 1)
    total = jnp.cumsum(ordered, axis=1)
    size = jnp.sum(1 + rank * ordered > total, axis=1, keepdims=True)
    threshold = (jnp.take_along_axis(total, size - 1, axis=1) - 1) / size
    out = jnp.maximum(z - threshold, 0)
    return out, out


def sparsemax_backward(g, out):
    support = out > 0
    mean = jnp.sum(g * support, axis=1, keepdims=True) / jnp.sum(support, axis=1, keepdims=True)
    return support * (g - mean)


@jax.custom_vjp
def gated_mlp(params, x):
    """A residual block whose parameters are a dictionary.

    params: dictionary with
        up: shape (D, H)
        gate: shape (D, H)
        down: shape (H, D)
        scale: shape (D,)
    x: shape (N, D)
    """
    hidden = jnp.tanh(x @ params["up"]) * jax.nn.sigmoid(x @ params["gate"])
    return x + params["scale"] * (hidden @ params["down"])


def gated_mlp_fwd(params, x):
    t, s = jnp.tanh(x @ params["up"]), jax.nn.sigmoid(x @ params["gate"])
    projected = (t * s) @ params["down"]
    return x + params["scale"] * projected, (params, x, t, s, projected)


def gated_mlp_bwd(residuals, g):
    params, x, t, s, projected = residuals
    dprojected = g * params["scale"]
    dhidden = dprojected @ params["down"].T
    dup = dhidden * s * (1 - t**2)
    dgate = dhidden * t * s * (1 - s)
    gradients = {
        "up": x.T @ dup,
        "gate": x.T @ dgate,
        "down": (t * s).T @ dprojected,
        "scale": jnp.sum(g * projected, axis=0),
    }
    return gradients, g + dup @ params["up"].T + dgate @ params["gate"].T


gated_mlp.defvjp(gated_mlp_fwd, gated_mlp_bwd)
