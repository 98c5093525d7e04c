"""`# gradcheck: ignore[GC304, GC302]`, bare `# gradcheck: ignore`, and `# gradcheck: ignore-file[...]` in a module."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gradcheck_cli.errors import UserError
from gradcheck_cli.suppressions.codes import ALL, ERRORS, FINDINGS, codes_of
from gradcheck_cli.suppressions.statements import Comment, Text, read

LINE, FILE = "ignore", "ignore-file"
_SAID = re.compile(r"(?:^|\s)#\s*gradcheck:\s*(?P<said>.*)")
_OTHER_MARKS = re.compile(r"^(?:expect\s*\[[^\]]*\][\s,;]*)*")
_MARK = re.compile(r"(?P<word>[A-Za-z][A-Za-z_-]*)\s*(?P<rest>.*)", re.S)
_REASON = re.compile(r"--|#|$")
"""What may follow a bare `ignore`: a reason, another comment, nothing."""


@dataclass(frozen=True)
class Word:
    """One word between the brackets and what it means; a comment without brackets has one, of no text."""

    text: str
    codes: frozenset[str]


@dataclass(frozen=True)
class Ignore:
    """One comment that hides findings.

    Attributes:
        line: where it stands.
        text: as written, without what follows it.
        words: each with its codes.
        statement: the position of the statement it speaks for; None for none, and for a whole file.
        whole_file: it speaks for the file.
    """

    line: int
    text: str
    words: tuple[Word, ...]
    statement: int | None = None
    whole_file: bool = False


@dataclass(frozen=True)
class Mistake:
    """A comment, or a word of it, that cannot be obeyed: why, and what to write."""

    line: int
    message: str
    mend: str


@dataclass(frozen=True)
class Ignores:
    """What a module's comments say to ignore, what is wrong with them, and the statements they speak for."""

    comments: tuple[Ignore, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    text: Text = field(default_factory=Text)


def ignores_in(source: str) -> Ignores:
    """The comments of a module's text that say to ignore something."""
    if "gradcheck:" not in source:
        return Ignores()
    text = read(source)
    said = [part for comment in text.comments for part in _said(comment, text)]
    return Ignores(
        tuple(part for part in said if isinstance(part, Ignore)),
        tuple(part for part in said if isinstance(part, Mistake)),
        text,
    )


def _said(comment: Comment, text: Text) -> Iterator[Ignore | Mistake]:
    addressed = _SAID.search(comment.text)
    mark = _MARK.match(_OTHER_MARKS.sub("", addressed["said"])) if addressed else None
    if mark is None:
        return
    word = mark["word"]
    if word not in (LINE, FILE):
        if difflib.get_close_matches(word.lower(), (LINE, FILE), n=1, cutoff=0.75):
            yield Mistake(comment.line, f"`# gradcheck: {word}` says nothing known", f"write `# gradcheck: {LINE}`")
        return
    if word == FILE and comment.line >= text.beginning:
        message = f"`# gradcheck: {FILE}` stands below the first statement"
        yield Mistake(comment.line, message, "move it to the first lines of the file")
        return
    written, found = _words(f"# gradcheck: {word}", mark["rest"], comment.line)
    yield from (wrong for wrong in found if isinstance(wrong, Mistake))
    if words := tuple(means for means in found if isinstance(means, Word)):
        statement = text.beside(comment) if word == LINE else None
        yield Ignore(comment.line, written, words, statement, whole_file=word == FILE)


def _words(start: str, rest: str, line: int) -> tuple[str, list[Word | Mistake]]:
    """The comment as it is written, to its closing bracket, and what its words mean."""
    if not rest.startswith("["):
        if _REASON.match(rest):
            return start, [Word("", FINDINGS)]
        mend = f"write `{start}[...]` with the rules in brackets, or `{start} -- why`"
        return start, [Mistake(line, f"`{start} {rest.strip()}` does not say which rules", mend)]
    inside, bracket, _ = rest[1:].partition("]")
    if not bracket or not inside.strip(" ,"):
        why = "names no rule" if bracket else "has no closing bracket"
        return start, [Mistake(line, f"`{start}{rest.strip()}` {why}", f"write `{start}[GC304]`, say")]
    written = f"{start}[{inside}]"
    return written, [_meaning(item.strip(), written, line) for item in inside.split(",") if item.strip()]


def _meaning(item: str, written: str, line: int) -> Word | Mistake:
    try:
        codes = codes_of(item)
    except UserError as error:
        return Mistake(line, f"{error.message} (in `{written}`)", error.mend or f"write a code, or `{ALL}`")
    if codes <= ERRORS:
        message = f"`{item}` in `{written}` is for what could not be checked, which no comment hides"
        return Mistake(line, message, f"`--ignore {item}`, or an entry of `per-file-ignores`")
    return Word(item, codes - ERRORS)
