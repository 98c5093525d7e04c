"""What every page of ours is made of: the document around it, tables, lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradcheck_cli.report.html.text import prose

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Whatever got into the page in spite of all escaping: nothing runs and nothing is loaded."""


def document(title: str, style: str, content: str) -> str:
    """A whole page that runs nothing and loads nothing; the title and the content are HTML already."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
    )


def bullets(sentences: Sequence[str]) -> str:
    """A list of sentences in quiet letters, "" where there is none."""
    if not sentences:
        return ""
    return '<ul class="quiet">' + "".join(f"<li>{prose(sentence)}</li>" for sentence in sentences) + "</ul>"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int], label: str, kind: str) -> str:
    """A table of cells that are HTML already, in a frame that scrolls; `numbers` are the columns flush right."""
    head = "".join(f"<th scope=col{_class(position, numbers)}>{title}</th>" for position, title in enumerate(titles))
    body = "".join(
        "<tr>" + "".join(f"<td{_class(position, numbers)}>{cell}</td>" for position, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">'
        f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _class(position: int, numbers: Sequence[int]) -> str:
    return ' class="number"' if position in numbers else ""
