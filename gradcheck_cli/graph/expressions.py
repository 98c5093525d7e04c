"""What the user wrote where a step is: the expression, on one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradcheck_cli.tracing.calls import Place


def expression_at(place: Place | None, lines: Mapping[str, Sequence[str]]) -> str:
    """The text at a place; "" where it is not known.

    Args:
        lines: of each of the user's files.
    """
    if place is None or place.columns is None or place.path not in lines:
        return ""
    first, column, last, end = place.columns
    taken = lines[place.path][first - 1 : last]
    if not taken:
        return ""
    cut = [line.encode() for line in taken]
    cut[-1] = cut[-1][:end]
    cut[0] = cut[0][column:]
    return " ".join(part.decode(errors="replace").strip() for part in cut)
