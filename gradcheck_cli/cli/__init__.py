"""The command line: one file a command; options in, exit code out, no numerics. May import everything."""

from __future__ import annotations


def main() -> None:
    """The command `gradcheck`: runs and ends the process with an exit code of `ExitCode`."""
    from gradcheck_cli.cli.application import main as application

    application()
