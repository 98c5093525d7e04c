"""What is shown of a network: its backward pass, layer by layer."""
