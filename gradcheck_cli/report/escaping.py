"""What comes from the user's module is shown, never obeyed: no control characters, no text that a terminal reorders."""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Unicode categories that move the cursor, reorder the line, or show as nothing."""


def plain(text: str) -> str:
    """`text` with every control, format and surrogate character spelled out; line breaks stay, tabs become spaces.

    So are the code points that are no characters: neither XML nor HTML can hold them.
    """
    return "".join(_spelled(character) for character in text.replace("\r\n", "\n").expandtabs(4))


def one_line(text: str) -> str:
    """`plain(text)` with the line breaks spelled out too: for names, table cells and places."""
    return plain(text).replace("\n", "\\n")


def _spelled(character: str) -> str:
    if character == "\n" or not (unicodedata.category(character) in _HIDDEN or _is_none(character)):
        return character
    return character.encode("unicode_escape").decode("ascii")


def _is_none(character: str) -> bool:
    """Unicode's noncharacters: the last two of each plane, and 32 in between."""
    return ord(character) & 0xFFFE == 0xFFFE or "\ufdd0" <= character <= "\ufdef"
