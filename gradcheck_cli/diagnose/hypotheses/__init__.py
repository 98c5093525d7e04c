"""Hypotheses: what a wrong gradient may be made of, held against yours. May import `judge` and what is below it."""
