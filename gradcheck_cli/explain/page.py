"""The page of a rule, and which rule a word means."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from gradcheck_cli.errors import UserError
from gradcheck_cli.report.codes import RULES

EVIDENCE, WRONG, MEND = "**Evidence.**", "**Wrong.**", "**Mend.**"
"""What the paragraphs of a page begin with."""

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_COMMENT = re.compile(r"^<!--.*?-->\n", re.M)
_END = re.compile(r"\.$|\. (?=[A-Z`])|: ")


@dataclass(frozen=True)
class Page:
    """What is to be said of one rule.

    Attributes:
        code: `GC204`.
        name: `transposed`.
        text: all below the heading, in Markdown without links and comments.
    """

    code: str
    name: str
    text: str

    @property
    def meaning(self) -> str:
        """What was found: the first paragraph, in one line."""
        return _in_one_line(self.text.split("\n\n")[0])

    @property
    def gist(self) -> str:
        """The first sentence of the meaning, up to a colon, without its full stop."""
        return _END.split(self.meaning)[0]

    @property
    def mend(self) -> str:
        """What to do about it, in one line."""
        (paragraph,) = (text for text in self.text.split("\n\n") if text.startswith(MEND))
        return _in_one_line(paragraph.removeprefix(MEND))


@cache
def page_of(code: str) -> Page:
    """The page of a rule; a `KeyError` for a code that is none."""
    name = RULES[code]
    written = (files("gradcheck_cli.explain") / "pages" / f"{code.lower()}.md").read_text(encoding="utf-8")
    _, _, text = written.partition("\n\n")
    return Page(code, name, _LINK.sub(r"\1", _COMMENT.sub("", text)))


def code_of(word: str) -> str:
    """The code that `gc204` or `transposed` means; upper and lower case are the same.

    Raises:
        UserError: without a code, for a word that means none; its mend is the closest that does.
    """
    written = word.strip()
    if written.upper() in RULES:
        return written.upper()
    names = {name: code for code, name in RULES.items()}
    named = written.lower().replace("_", "-").replace(" ", "-")
    if named in names:
        return names[named]
    raise UserError(f"`{written}` is no rule", mend=_nearest(written.upper(), named))


def _nearest(code: str, name: str) -> str:
    everything = "`gradcheck explain --list` shows all rules"
    if re.match(r"GC\d", code):  # of two codes, none is nearer than the other
        return everything
    close = difflib.get_close_matches(name, RULES.values(), n=1)
    return f"did you mean `{close[0]}`? {everything}" if close else everything


def _in_one_line(paragraph: str) -> str:
    return " ".join(paragraph.split())
