"""The stages in order: from a user's modules, or live functions, to a report. May import every stage, no renderer."""

from gradcheck_cli.checking.options import CheckOptions, Progress, Target
from gradcheck_cli.checking.targets import Found, check_layers, check_targets, find_layers

__all__ = ["CheckOptions", "Found", "Progress", "Target", "check_layers", "check_targets", "find_layers"]
