"""From a forward to its trace: NumPy arrays that run under JAX, source lines, a jaxpr. May import `layers`."""
