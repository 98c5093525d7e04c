"""Computation graphs: gates, local Jacobians, networks, training. Stands beside `judge`, on `tracing`."""
