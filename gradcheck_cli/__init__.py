"""gradcheck: is the hand-written backward pass right, which elements are wrong, and why."""

from gradcheck_cli._version import __version__

__all__ = ["__version__"]
