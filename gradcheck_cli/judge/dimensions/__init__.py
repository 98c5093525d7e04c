"""What came back, sorted out by argument: count, structure, shape, dtype. May import what `judge` may."""
