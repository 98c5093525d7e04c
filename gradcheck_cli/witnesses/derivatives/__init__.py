"""Forward mode, the second order, and batches: the backward as a function of its own."""
