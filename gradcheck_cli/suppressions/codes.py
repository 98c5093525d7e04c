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

MISMATCH = "GC201"
CAUSES = frozenset(f"GC{number}" for number in range(202, 214)) - {"GC207"}
"""What a mismatch is called where a diagnosis names its cause. Whoever means GC201 means these too: whether a cause is
found may change with the next version."""


def general(code: str) -> str:
    """GC201 for a mismatch by any cause; else the code."""
    return MISMATCH if code in CAUSES else code


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
    upper = named.get(written.lower(), upper)
    if upper == MISMATCH:
        return CAUSES | {MISMATCH}
    found = frozenset(code for code in RULES if code.startswith(upper))
    if not re.fullmatch(r"GC\d{1,3}", upper) or not found:
        raise UserError(f"`{written}` is no rule", mend=_nearest(written))
    return found


def _nearest(word: str) -> str:
    begins = re.match(r"GC\d{1,3}", word.upper())
    if begins and any(code.startswith(begins[0]) for code in RULES):
        return f"did you mean `{begins[0]}`?"
    # of two codes, none is nearer than the other
    close = difflib.get_close_matches(word.lower(), (*RULES.values(), ALL.lower()), n=1)
    if close and not begins:
        return f"did you mean `{close[0] if close[0] != ALL.lower() else ALL}`?"
    return (
        f"write a code (`{min(RULES)}` to `{max(RULES)}`), the beginning of several (`GC3`), a rule's name, or `{ALL}`"
    )
