"""Text that HTML shows as it is."""

from __future__ import annotations

import re
from html import escape

from gradcheck_cli.report.escaping import one_line, plain
from gradcheck_cli.report.prose import spans


def shown(content: str) -> str:
    """Text with its line breaks, safe between tags and in a quoted attribute."""
    return escape(plain(content))


def name(content: str) -> str:
    """A name or a path: one line, in letters of one width, that a narrow page breaks where its words end."""
    broken = re.sub(r"[_./]+", r"\g<0><wbr>", escape(one_line(content)))
    return f"<code>{broken}</code>"


def facts(sentence: str) -> str:
    """Words with numbers: `4e-12` is never broken at its sign."""
    return re.sub(r"\d+e-\d+", r'<span class="whole">\g<0></span>', shown(sentence))


def prose(sentence: str) -> str:
    """A sentence of the report with its code marked as code."""
    return "".join(name(span.text) if span.is_code else escape(span.text) for span in spans(sentence))
