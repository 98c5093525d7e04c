"""Contracts, judged beside the values: each file turns what was observed of the user's own code into findings."""

from gradcheck_cli.judge.contracts.examining import examine

__all__ = ["examine"]
