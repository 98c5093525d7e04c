"""A network trained step by step, by the user's gradients and by autodiff's: no judging, no rendering."""
