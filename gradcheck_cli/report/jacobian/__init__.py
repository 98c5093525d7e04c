"""Ways of showing the Jacobians of a layer, and the data that they show."""
