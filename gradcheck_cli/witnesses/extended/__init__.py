"""A trace and its gradient evaluated by NumPy in extended precision: the truth where the layer's own dtype runs out."""
