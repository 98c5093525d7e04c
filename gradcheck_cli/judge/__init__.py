"""From gradients to a verdict: dimensions, elements, noise, kinks. May import `witnesses` and what is below it."""
