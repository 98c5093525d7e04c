"""Which rules a word means: `GC304` one, `GC3` all that begin so, `not-linear` one by its name, `ALL` every finding."""

from __future__ import annotations

import difflib
import re

from gradcheck_cli.errors import UserError
from gradcheck_cli.report.codes import RULES

ALL = "ALL"
ERRORS = frozenset(code for code in RULES if code.startswith("GC5"))
"""What could not be checked: no finding about a gradient, so `ALL` does not mean it."""
FINDINGS = frozenset(RULES) - ERRORS


def codes_of(word: str) -> frozenset[str]:
    """The codes that `word` means; upper and lower case are the same.

    Raises:
        UserError: without a code, for a word that means none.
    """
    written = word.strip()
    upper = written.upper()
    if upper == ALL:
        return FINDINGS
    named = {name: code for code, name in RULES.items()}
    if written.lower() in named:
        return frozenset({named[written.lower()]})
    found = frozenset(code for code in RULES if code.startswith(upper))
    if not re.fullmatch(r"GC\d{1,3}", upper) or not found:
        raise UserError(f"`{written}` is no rule", mend=_nearest(written))
    return found


def _nearest(word: str) -> str:
    known = {known.lower(): known for known in (*RULES, *RULES.values(), ALL)}
    close = difflib.get_close_matches(word.lower(), known, n=1)
    if close:
        return f"did you mean `{known[close[0]]}`?"
    return (
        f"write a code (`{min(RULES)}` to `{max(RULES)}`), the beginning of several (`GC3`), a rule's name, or `{ALL}`"
    )
