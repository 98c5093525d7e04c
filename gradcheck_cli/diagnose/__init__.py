"""From a verdict to a cause. May import `judge` and what is below it."""
