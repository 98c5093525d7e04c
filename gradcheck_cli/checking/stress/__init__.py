"""Extreme but legal inputs: which show a layer to be unstable, and the smallest of them."""
