"""The third witness: finite differences, with error bars. May import `tracing` and what is below it."""
