import jax
import jax.numpy as jnp


def normalize_forward(x):
    """
    - x: of shape (N, D)
    """
    size = jax.lax.stop_gradient(jnp.linalg.norm(x, axis=1, keepdims=True))
    return x / size, size


def normalize_backward(dout, size):
    return dout / size
