"""What changed between two saved runs: as data, as a table, as JSON."""
