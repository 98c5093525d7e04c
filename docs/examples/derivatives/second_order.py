import jax
import jax.numpy as jnp


@jax.custom_vjp
def dense(x, w):
    """
    x: shape (N, D)
    w: shape (D, M)
    """
    return jnp.tanh(x @ w)


def dense_fwd(x, w):
    out = jnp.tanh(x @ w)
    return out, (x, jax.lax.stop_gradient(w), out)


def dense_bwd(residuals, g):
    x, w, out = residuals
    d = g * (1 - out**2)
    return d @ w.T, x.T @ d


dense.defvjp(dense_fwd, dense_bwd)
