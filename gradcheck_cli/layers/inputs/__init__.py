"""What a layer is given: where each argument's shape comes from, which sizes fit, and the values drawn."""
