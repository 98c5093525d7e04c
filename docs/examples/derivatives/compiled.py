import jax
import jax.numpy as jnp


@jax.custom_vjp
def distance(x):
    """x: shape (N,)"""
    return jnp.sqrt(jnp.sum(x**2))


def distance_fwd(x):
    size = jnp.sqrt(jnp.sum(x**2))
    return size, (x, size)


def distance_bwd(residuals, g):
    x, size = residuals
    if size == 0:
        return (jnp.zeros_like(x),)
    return (g * x / size,)


distance.defvjp(distance_fwd, distance_bwd)
