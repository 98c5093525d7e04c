"""The interactive inspector: a run, looked at closely in the terminal."""
