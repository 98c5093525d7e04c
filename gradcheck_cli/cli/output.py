"""Standard output: what is written there, and by whom it is read."""

from __future__ import annotations

import io
import os
import sys


class Output:
    """The process's standard output, which may be missing, or end before we do."""

    def write(self, content: str, *, is_document: bool = False) -> None:
        """Write it all; a reader that has gone away ends the writing, not the program.

        A document is UTF-8 wherever it goes: a terminal's encoding would make JSON or XML of it that no parser takes.
        """
        if sys.stdout is None:
            return
        encoding = "utf-8" if is_document else self.encoding
        # what a terminal or a pipe cannot say is spelled out
        data = content.encode(encoding, "backslashreplace")
        try:
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.flush()
                sys.stdout.buffer.write(data)
            else:
                sys.stdout.write(data.decode(encoding))
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
