"""A Python file's text. Nothing is imported or run."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path

from gradcheck_cli.errors import UserError


def read_source(path: Path) -> str:
    """A Python file's text, decoded as Python would decode it.

    Raises:
        UserError: GC501, where it cannot be read, is binary, or is not in its declared encoding (UTF-8).
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read `{path.name}`: {error.strerror or error}", code="GC501", path=path, mend="check the path"
        ) from error
    if b"\0" in raw:
        raise UserError(
            f"`{path.name}` holds NUL bytes: it is binary, or UTF-16, and not Python source",
            code="GC501",
            path=path,
            line=raw[: raw.index(b"\0")].count(b"\n") + 1,
            mend="save it as UTF-8 text",
        )
    try:
        # without a declaration it is UTF-8, and Python's own detection would hide where it is not
        declared = any(b"coding" in line for line in raw.splitlines()[:2])
        encoding = tokenize.detect_encoding(io.BytesIO(raw).readline)[0] if declared else "utf-8-sig"
        return io.IncrementalNewlineDecoder(None, translate=True).decode(raw.decode(encoding))
    except UnicodeDecodeError as error:
        raise UserError(
            f"`{path.name}` is not {error.encoding.upper().removesuffix('-SIG')} text: {error.reason} "
            f"(byte {error.start})",
            code="GC501",
            path=path,
            line=raw[: error.start].count(b"\n") + 1,
            mend="save it as UTF-8, or name its encoding in the first line: `# -*- coding: latin-1 -*-`",
        ) from error
    except (SyntaxError, LookupError) as error:
        raise UserError(
            f"`{path.name}` cannot be decoded: {error}", code="GC501", path=path, line=1, mend="save it as UTF-8 text"
        ) from error
