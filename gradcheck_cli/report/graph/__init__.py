"""Ways of showing a computation graph, and the data that they show."""
