"""Layers that round, whose gradient goes straight through on purpose (Bengio et al. 2013)."""

import jax
import jax.numpy as jnp
import numpy as np

from gradcheck_cli import layer


def quantize(x, scale):
    """Rounds x / scale to whole steps; the step's size is learnt."""
    steps = np.round(x / scale)
    return steps * scale, (x, scale, steps)


def quantize_gradient(dout, cache):
    """Rounding counts as the identity: the scale receives what rounding moved, in steps (Esser et al. 2020)."""
    x, scale, steps = cache
    dscale = np.sum(dout * (steps - x / scale), axis=0)
    return dout, dscale


quantizer = layer(
    forward=quantize,
    backward=quantize_gradient,
    inputs=lambda rng: {"x": rng.normal(size=(3, 4)).round(2), "scale": rng.uniform(0.2, 0.4, size=4).round(3)},
    expect="straight-through",
)


@jax.custom_vjp
def fake_quantize(x, w):
    """A product with weights rounded to quarters: the weights' gradient passes the rounding."""
    rounded = w + jax.lax.stop_gradient(jnp.round(4 * w) / 4 - w)
    return x @ rounded


def fake_quantize_fwd(x, w):
    rounded = jnp.round(4 * w) / 4
    return x @ rounded, (x, rounded)


def fake_quantize_bwd(residuals, g):
    x, rounded = residuals
    return g @ rounded.T, x.T @ g


fake_quantize.defvjp(fake_quantize_fwd, fake_quantize_bwd)
quantized_dense = layer(fake_quantize, inputs={"x": "N,D", "w": "D,M"}, expect="straight-through")


@jax.custom_vjp
def nearest_code(x, codebook):
    """Each row replaced by the nearest row of a codebook; x receives the gradient of what replaced it."""
    distance = jnp.sum((x[:, None, :] - codebook[None, :, :]) ** 2, axis=2)
    code = codebook[jnp.argmin(distance, axis=1)]
    return x + jax.lax.stop_gradient(code - x)


def nearest_code_fwd(x, codebook):
    return nearest_code(x, codebook), codebook.shape


def nearest_code_bwd(shape, g):
    return g, jnp.zeros(shape, g.dtype)


nearest_code.defvjp(nearest_code_fwd, nearest_code_bwd)
vector_quantizer = layer(nearest_code, inputs={"x": "N,D", "codebook": "K,D"}, expect="straight-through")
