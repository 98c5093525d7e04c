"""What a Jacobian is made of: its structure, the formula of an element, what is multiplied in its place."""
