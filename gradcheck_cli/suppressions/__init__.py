"""Findings that the user said not to count: by comment, option, file or baseline. Imports the report's data alone."""
