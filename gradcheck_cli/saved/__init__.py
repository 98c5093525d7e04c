"""Runs kept in a file with their arrays: written, read on any machine, compared. May import report, and no stage."""
