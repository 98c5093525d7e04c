import jax
import jax.numpy as jnp
import numpy as np


@jax.custom_vjp
def centred(x):
    """x: shape (N,)"""
    return x - jnp.mean(x)


def centred_fwd(x):
    return x - jnp.mean(x), None


def centred_bwd(_, g):
    shape = jax.ShapeDtypeStruct(g.shape, g.dtype)
    return (jax.pure_callback(lambda g: g - np.mean(g), shape, g, vmap_method="expand_dims"),)


centred.defvjp(centred_fwd, centred_bwd)
