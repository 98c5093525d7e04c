"""Ways of showing how a network was trained, and the data that they show."""
