"""Networks checked: each layer where it stands, and the whole."""
