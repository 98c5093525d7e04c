"""What a saved run keeps of a checked layer. Imported only where that is asked for."""
