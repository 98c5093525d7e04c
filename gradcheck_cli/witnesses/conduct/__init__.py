"""The user's forward and backward in other situations, and what happened. May import `tracing` and what is below it."""
