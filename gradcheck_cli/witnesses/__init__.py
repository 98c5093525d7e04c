"""The three gradients: analytic, autodiff, finite differences. May import `tracing` and what is below it."""
