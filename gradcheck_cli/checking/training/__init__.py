"""Training: the same network from the same start, by hand-written gradients and by autodiff's."""
