"""Text that HTML shows as it is."""

from __future__ import annotations

from html import escape

from gradcheck_cli.report.escaping import one_line, plain
from gradcheck_cli.report.prose import spans


def shown(content: str) -> str:
    """Text with its line breaks, safe between tags and in a quoted attribute."""
    return escape(plain(content))


def name(content: str) -> str:
    """A name or a path: one line, in letters of one width."""
    return f"<code>{escape(one_line(content))}</code>"


def prose(sentence: str) -> str:
    """A sentence of the report with its code marked as code."""
    return "".join(name(span.text) if span.is_code else escape(span.text) for span in spans(sentence))
