"""The second witness: autodiff of the trace, as compiled programs. May import `tracing` and what is below it."""
