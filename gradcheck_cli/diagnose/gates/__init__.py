"""From a verdict to a gate of the forward whose local derivative yours leaves out or replaces. Imports `diagnose`."""
