"""The entries of a docstring, `name: description`, as a tree by indentation, in any of the usual styles."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass

_ENTRY = re.compile(
    r"^(?P<indent>\s*)(?P<bullet>[-*•+]\s+|:param\s+(?:[\w.\[\]]+\s+)?(?=\w+\s*:)|@param\s+|\(?\d+[.)]\s+)?"
    r"(?P<names>[`'\"]*\*{0,2}(?:self\.)?[^\W\d]\w*[`'\"]*(?:\s*(?:,|/|\band\b)\s*[`'\"]*(?:self\.)?[^\W\d]\w*[`'\"]*)*)"
    r"\s*(?P<type>\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\])?\s*(?::|--|—|–|=(?!=))\s*(?P<text>.*)$"
)


_DASHED = re.compile(r"^(\s*:param\s+\w+)\s+[-–—]+\s+")
"""`:param w - weights` for `:param w: weights`."""


_TYPE_LINE = re.compile(r"^\s*:type\s+(?P<name>\w+)\s*:\s*(?P<text>.*)$")


_RETURNS = re.compile(r"^\s*(?:returns?|yields?|raises?|outputs?|:returns?|:rtype)\b.*:?\s*", re.IGNORECASE)


_ARGUMENTS = re.compile(
    r"^\s*(?:inputs?|arguments?|args|parameters?|params|attributes|keyword arg\w*|other parameters|cache)\b"
    r"[^:]{0,40}:?\s*$",
    re.IGNORECASE,
)


_EXPLAINED = re.compile(r"^\s*\w+\s+(?:--|—|–)\s")
"""`parameters -- python dictionary containing:` is an entry, and no heading."""


_UNDERLINE = re.compile(r"^\s*[-=~]{3,}\s*$")


@dataclass
class Entry:
    """One `name: description`, its indentation, its lines, and the entries below it.

    Several names may share one description: `w, b: weights and biases`.
    """

    names: tuple[str, ...]
    indent: int
    lines: list[str]
    children: list[Entry]


def entries(docstring: str, keep_returns: bool) -> list[Entry]:
    """The tree of `name: description` entries, by indentation. Sections on returned values only where asked for."""
    roots: list[Entry] = []
    stack: list[Entry] = []
    skipping = False
    types: dict[str, str] = {}
    written = (_DASHED.sub(r"\1: ", line) for line in inspect.cleandoc(docstring or "").splitlines())
    lines = [part for line in written for part in _one_entry_a_line(line)]
    for position, line in enumerate(lines):
        if not line.strip() or _UNDERLINE.match(line):
            continue
        underlined = position + 1 < len(lines) and bool(_UNDERLINE.match(lines[position + 1]))
        indent = len(line) - len(line.lstrip())
        if type_line := _TYPE_LINE.match(line):
            types[type_line["name"]] = type_line["text"]
            continue
        match = _ENTRY.match(line)
        if match and match["bullet"] is None and (_is_prose(match) or _is_equation(match)):
            match = None
        heading = underlined or (_ARGUMENTS.match(line) is not None and not _EXPLAINED.match(line))
        if _RETURNS.match(line) and (match is None or match["bullet"] is None):
            skipping, stack = True, []
            continue
        if heading:
            skipping, stack = False, []
            continue
        if skipping and not keep_returns:
            continue
        if match is None:
            while stack and stack[-1].indent >= indent and stack[-1].indent > 0:
                stack.pop()
            if stack and (indent > stack[-1].indent or lines[position - 1].strip()):
                stack[-1].lines.append(line.strip())
            continue
        while stack and stack[-1].indent >= indent:
            stack.pop()
        names = tuple(re.findall(r"[^\W\d]\w*", re.sub(r"self\.|\band\b", " ", match["names"])))
        entry = Entry(names, indent, [f"{match['type'] or ''} {match['text']}".strip()], [])
        (stack[-1].children if stack else roots).append(entry)
        stack.append(entry)
    for entry in flatten(roots):
        entry.lines.extend(types[name] for name in entry.names if name in types)
    return roots


def _one_entry_a_line(line: str) -> list[str]:
    """`x: of shape (N, D), w: of shape (D, M)` as two lines, both with the indentation of the first."""
    parts = re.split(r"(?<=[)\]]),?;?\s+(?:and\s+)?(?=[^\W\d]\w{0,11}\s?:\s)", line)
    if len(parts) == 1 or _ENTRY.match(parts[0]) is None:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return [parts[0], *(indent + part for part in parts[1:])]


def _is_prose(match: re.Match[str]) -> bool:
    """Whether a line without a bullet is a sentence with a colon (`Input:`, `Note: ...`) and no entry."""
    first = re.sub(r"\W", "", match["names"]).lower()
    return first in {
        "note",
        "notes",
        "example",
        "examples",
        "see",
        "warning",
        "computes",
        "where",
        "shape",
        "shapes",
        "hint",
    }


def _is_equation(match: re.Match[str]) -> bool:
    """Whether a line says what an element is, `alpha[t, u] = log(...)`, and describes no argument."""
    return bool(match["type"]) and match["type"][0] == "[" and match[0][: match.start("text")].rstrip().endswith("=")


def flatten(entries: Iterable[Entry]) -> list[Entry]:
    """All entries of the trees, each before those below it."""
    found: list[Entry] = []
    for entry in entries:
        found.append(entry)
        found.extend(flatten(entry.children))
    return found
