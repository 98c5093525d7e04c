"""A draw that autodiff speaks on: every element is held against it, and differences check it on some."""
