"""Verdicts of layers that nothing has changed since: kept on disk, looked up without JAX."""
