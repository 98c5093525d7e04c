"""The statements of a module and the comments beside them, as its text has them: for what a line of comment speaks."""

from __future__ import annotations

import io
import math
import tokenize
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comment:
    """One comment. `alone`: nothing else stands on its line."""

    line: int
    text: str
    alone: bool


@dataclass(frozen=True)
class Statement:
    """A simple statement, or the head of a compound one (`def`, `class`, `if`) with its decorators.

    Attributes:
        first, last: its lines, 1-based.
        above: the first of the comment lines directly above it; `first` where there are none.
        is_class: the head of a class.
        is_text: nothing but a string, as a docstring is.
        parents: positions of the statements in whose blocks it stands, outermost first.
    """

    first: int
    last: int
    above: int
    is_class: bool = False
    is_text: bool = False
    parents: tuple[int, ...] = ()


@dataclass(frozen=True)
class Text:
    """A module's statements and comments, in order; both empty where its text does not tokenize."""

    statements: tuple[Statement, ...] = ()
    comments: tuple[Comment, ...] = ()

    def at(self, line: int) -> int | None:
        """The position of the statement that has this line."""
        at = bisect_right(self.statements, line, key=lambda one: one.first) - 1
        return at if at >= 0 and line <= self.statements[at].last else None

    def beside(self, comment: Comment) -> int | None:
        """The position of the statement that a comment speaks for: the one it stands in, else directly above."""
        at = bisect_right(self.statements, comment.line, key=lambda one: one.above) - 1
        return at if at >= 0 and comment.line <= self.statements[at].last else None

    def definitions(self, lines: Iterable[int | None]) -> frozenset[int]:
        """Positions of the statements that have these lines, and of the classes around them."""
        found = [at for at in (self.at(line) for line in lines if line is not None) if at is not None]
        around = [up for at in found for up in self.statements[at].parents if self.statements[up].is_class]
        return frozenset((*found, *around))

    @property
    def beginning(self) -> float:
        """The line of the first statement, a docstring aside; infinity where there is none."""
        return next((one.first for one in self.statements if not one.is_text), math.inf)


def read(source: str) -> Text:
    """The statements and comments of a module's text. Text in quotes is no comment."""
    try:
        return _read(source.replace("\r\n", "\n").replace("\r", "\n"))
    except (tokenize.TokenError, SyntaxError):
        return Text()


_NOT_CODE = frozenset({tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER})


def _read(source: str) -> Text:
    statements: list[Statement] = []
    comments: list[Comment] = []
    alone: set[int] = set()
    blocks: list[int] = []
    first, words = 0, list[tokenize.TokenInfo]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line = token.start[0]
        if token.type == tokenize.COMMENT:
            comments.append(Comment(line, token.string, not token.line[: token.start[1]].strip()))
            alone |= {line} if comments[-1].alone else set()
        elif token.type == tokenize.INDENT:
            blocks.append(len(statements) - 1)
        elif token.type == tokenize.DEDENT:
            blocks.pop()
        elif token.type == tokenize.NEWLINE:
            if words and words[0].string != "@":  # a decorator belongs to the definition below it
                statements.append(_statement(first, token.start[0], words, alone, blocks))
                first = 0
            words = []
        elif token.type not in _NOT_CODE:
            first = first or line
            words.append(token)
    return Text(tuple(statements), tuple(comments))


def _statement(first: int, last: int, words: list[tokenize.TokenInfo], alone: set[int], blocks: list[int]) -> Statement:
    above = first
    while above - 1 in alone:
        above -= 1
    is_text = all(word.type == tokenize.STRING for word in words)
    return Statement(first, last, above, words[0].string == "class", is_text, tuple(blocks))
