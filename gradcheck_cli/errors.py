"""The one exception a stage raises for something the user can mend; the command line turns it into words."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """Something the user can mend: says what, where, and how.

    Attributes:
        code: the rule's code (`GC501` cannot load, `GC502` cannot run, `GC503` unknown shapes); None for a usage error.
        message: one sentence, without the place.
        path: the user's file, where known.
        line: 1-based line in it, where known.
        mend: the very thing to write or do, where known.
        argument: the layer's argument it concerns, where it concerns one.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        path: Path | None = None,
        line: int | None = None,
        mend: str | None = None,
        argument: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.path = path
        self.line = line
        self.mend = mend
        self.argument = argument
