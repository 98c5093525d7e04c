"""Comments that speak to gradcheck, on the lines of a definition: `# gradcheck: expect[straight-through]`.

The same form serves for whatever else is to be said there: `# gradcheck: word[value, value]`, several after another.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Mapping

IGNORES = frozenset({"ignore", "ignore-file"})
"""Words that say which findings do not count: nothing for the layers, they are read once the findings are known."""
_COMMENT = re.compile(r"#\s*gradcheck:\s*(?P<said>.*)")
_IGNORE = re.compile(r"(?:[a-z-]+\s*\[[^\]]*\][\s,;]*)*ignore(?:-file)?(?![\w-])")
_WORD = re.compile(r"(?P<word>[a-z][a-z-]*)\s*\[(?P<values>[^\]]*)\]")


def unread_at(source: str, line: int) -> tuple[str, ...]:
    """Comments to gradcheck in the head of the definition at `line` that say nothing of that form."""
    said = (_COMMENT.match(comment) for comment in _comments(source, line))
    return tuple(
        comment["said"].strip()
        for comment in said
        if comment and not _WORD.search(comment["said"]) and not _IGNORE.match(comment["said"])
    )


def marks_at(source: str, line: int) -> Mapping[str, tuple[str, ...]]:
    """What the comments in the head of the definition at `line` say: values by word.

    The head goes from the line of the `def` or `class` to its colon; a text in quotes is no comment.

    Args:
        source: the module's text.
        line: of the definition, 1-based.
    """
    found: dict[str, tuple[str, ...]] = {}
    for comment in _comments(source, line):
        said = _COMMENT.match(comment)
        for mark in _WORD.finditer(said["said"]) if said else ():
            values = tuple(value.strip() for value in mark["values"].split(",") if value.strip())
            found[mark["word"]] = (*found.get(mark["word"], ()), *values)
    return found


def _comments(source: str, line: int) -> list[str]:
    """Comments from the definition's first line to the end of its head; none where the text does not tokenize."""
    lines = source.splitlines(keepends=True)[max(line - 1, 0) :]
    comments, depth, colon = [], 0, False
    try:
        for token in tokenize.generate_tokens(io.StringIO("".join(lines)).readline):
            if token.type == tokenize.COMMENT:
                comments.append(token.string)
            elif token.type == tokenize.OP and token.string in "([{":
                depth += 1
            elif token.type == tokenize.OP and token.string in ")]}":
                depth -= 1
            elif token.type == tokenize.OP and token.string == ":" and depth == 0:
                colon = True
            elif token.type == tokenize.NEWLINE or (token.type == tokenize.NL and colon):
                break
    except (tokenize.TokenError, SyntaxError):
        pass
    return comments
