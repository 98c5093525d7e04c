"""The report as plain data (`model`, `codes`), and one file per way of showing it. Imports no stage."""
