"""Standard output: what is written there, and by whom it is read."""

from __future__ import annotations

import os
import sys


class Output:
    """The process's standard output, which may be missing, or end before we do."""

    def write(self, content: str) -> None:
        """Write it all; a reader that has gone away ends the writing, not the program."""
        if sys.stdout is None:
            return
        try:
            # what the encoding of a terminal or a pipe cannot say is spelled out
            sys.stdout.write(content.encode(self.encoding, "backslashreplace").decode(self.encoding))
            sys.stdout.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.close(nowhere)

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads it."""
        return sys.stdout is not None and sys.stdout.isatty()

    @property
    def encoding(self) -> str:
        """Of what is written."""
        return getattr(sys.stdout, "encoding", None) or "utf-8"
