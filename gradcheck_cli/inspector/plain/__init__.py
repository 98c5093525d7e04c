"""A run as plain text, in the order in which it is read out: for a dumb terminal, a screen reader, a pipe."""
