"""Derivatives beside the gradient of one call: forward mode, second order, in batches, compiled. Imports `judge`."""
