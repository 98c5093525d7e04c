"""What the screens say, as plain text: one place for their words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradcheck_cli.inspector.heat import (
    EXCUSED,
    LEVELS,
    MENDED,
    NOT_FINITE,
    RIGHT,
    UNKNOWN,
    Heat,
    Scale,
    is_low,
    level_of,
)
from gradcheck_cli.inspector.leaf import Facts
from gradcheck_cli.inspector.view import NUMBERS, View
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import STATUS_WORD
from gradcheck_cli.report.model import ArgumentReport, LayerReport
from gradcheck_cli.report.numbers import Number, brief, counted, digits_that_tell_apart, power, value, with_error
from gradcheck_cli.saved import model as marks
from gradcheck_cli.saved.model import KeptLeaf

MARK_WORDS = {
    marks.RIGHT: "right",
    marks.WRONG: "wrong",
    marks.UNKNOWN: "nothing can be said",
    marks.EXCUSED: "right at a kink",
}

_SIGNS = {RIGHT: "·", MENDED: "+", UNKNOWN: "?", EXCUSED: "~", NOT_FINITE: "!"}
_MEANINGS = {
    MENDED: "mended",
    UNKNOWN: "unknown",
    EXCUSED: "kink",
    NOT_FINITE: "not finite",
}


def sign(code: int) -> str:
    """What stands in a cell, in two columns: `·`, ` 7`, `-7` where yours is too small."""
    level = level_of(code)
    if not level:
        return f" {_SIGNS[code]}"
    return f"{'-' if is_low(code) else ' '}{level}"


def brief_within(number: Number, digits: int, columns: int) -> str:
    """To as many digits as there is room for; a number that is cut would be another one."""
    for fewer in range(digits, 0, -1):
        text = brief(number, fewer)
        if len(text) <= columns:
            return text
    return "…"


def legend(heat: Heat) -> list[tuple[int, str]]:
    """The codes of a map that need a word, and that word."""
    return [(code, word) for code, word in _MEANINGS.items() if heat.has(code)]


def scale_ends(scale: Scale) -> tuple[str, str]:
    """What levels 1 and 9 are, in tolerances."""
    return power(scale.bound(1)), power(scale.bound(LEVELS))


def argument_label(argument: ArgumentReport, reported: ArgumentReport) -> str:
    """What a gradient is called in the list, and how many of its elements are wrong: `dx  12 of 12`.

    Args:
        argument: with the numbers of the draw that is shown; those that were `reported` may be of another one.
    """
    name = one_line(argument.gradient_name)
    if argument.gradient_shape is not None:
        return f"{name}  shape"
    if argument.wrong:
        return f"{name}  {argument.wrong:,} of {argument.total:,}"
    return f"{name}  in draw {reported.draw + 1}" if reported.wrong else name


def layer_label(layer: LayerReport) -> str:
    """The layer's name and its verdict."""
    return f"{one_line(layer.name)}  {STATUS_WORD[layer.status]}"


def axis_name(names: Sequence[str], rank: int, axis: int) -> str:
    """`N`, `axis 2` where it has no name; of a gradient with `rank` axes that is shown with at least two."""
    own = axis - max(0, 2 - rank)
    if own < 0:
        return ""
    name = one_line(names[own]) if own < len(names) else ""
    return name or f"axis {own}"


def map_title(leaf: KeptLeaf, wrong: int | None) -> str:
    """`dx  4 × 3  12 of 12 wrong`."""
    shape = " × ".join(f"{size:,}" for size in leaf.shape) or "one number"
    count = "" if wrong is None else f"  {wrong:,} of {math.prod(leaf.shape):,} wrong" if wrong else "  all right"
    return f"{one_line(leaf.gradient_name)}  {shape}{count}"


def axes_line(view: View, leaf: KeptLeaf) -> str:
    """`↓ N  → D`: which axes run down and across."""
    rank = len(leaf.shape)
    names = [(arrow, axis_name(leaf.dimensions, rank, axis)) for arrow, axis in (("↓", view.rows), ("→", view.columns))]
    return "  ".join(f"{arrow} {name}" for arrow, name in names if name)


def slice_line(view: View, leaf: KeptLeaf) -> str:
    """`[ ] N=1 of 2 · C=2 of 5`: where along the axes that are not shown; `[ ]` step through the first."""
    return " · ".join(
        f"{'[ ] ' if axis == view.step else ''}{axis_name(leaf.dimensions, len(leaf.shape), axis)}="
        f"{view.index[axis]} of {view.shape[axis]}"
        for axis in view.others
    )


def cell_line(view: View) -> str:
    """What one cell is."""
    height, width = view.block
    if view.zoom == NUMBERS:
        return "yours − reference"
    if height * width == 1:
        return "one element a cell"
    return f"cells of {height:,} × {width:,}"


def index_text(index: Sequence[int]) -> str:
    """`[0, 1]`; "" for a scalar."""
    return f"[{', '.join(map(str, index))}]" if index else ""


def index_words(facts: Facts, leaf: KeptLeaf) -> str:
    """`N=0 · D=1`: where the element is along the axes that have names."""
    return " · ".join(f"{one_line(name)}={at}" for name, at in zip(leaf.dimensions, facts.index) if name)


def element_rows(facts: Facts) -> list[tuple[str, str]]:
    """Name and value of all that is known of an element, in the order in which they are read."""
    held = facts.held if facts.held is not None else facts.difference
    digits = digits_that_tell_apart([(facts.yours, held)])
    rows = [("yours", value(facts.yours, digits)), ("autodiff", value(facts.autodiff, digits))]
    if facts.reference is not None:
        rows.append(("reference", value(facts.reference, digits)))
    rows.append(
        (
            "finite diff",
            with_error(facts.difference, facts.bar, digits) if facts.difference is not None else "– not taken",
        )
    )
    if facts.backward is not None and facts.forward is not None:
        rows.append(("left | right", f"{value(facts.backward, digits)} | {value(facts.forward, digits)}"))
    rows.append(("error", brief(facts.error, 3)))
    rows.append(("tolerance", brief(facts.tolerance, 2)))
    if facts.times is not None:
        rows.append(("error / tol.", brief(facts.times, 2)))
    rows.append(("ratio", _ratio(facts)))
    if facts.value is not None:
        rows.append(("input", brief(facts.value, 6)))
    return rows


def element_line(facts: Facts) -> str:
    """Its values in one line."""
    rows = dict(element_rows(facts))
    parts = [f"{name} {rows[name]}" for name in ("yours", "autodiff", "finite diff", "ratio") if name in rows]
    return " · ".join(parts)


def mark_words(facts: Facts, wrong: int) -> str:
    """`✗ wrong · worst 3 of 12`."""
    if facts.mark is None:
        return "not judged"
    icon = {marks.RIGHT: "✓", marks.WRONG: "✗", marks.UNKNOWN: "?", marks.EXCUSED: "~"}[facts.mark]
    rank = "" if facts.rank is None else f" · worst {facts.rank:,} of {wrong:,}"
    return f"{icon} {MARK_WORDS[facts.mark]}{rank}"


def element_text(facts: Facts, layer: str, leaf: KeptLeaf) -> str:
    """One element, to be copied."""
    index = ", ".join(map(str, facts.index))
    head = f"{layer}: {leaf.gradient_name}[{index}]" + (
        f" is {MARK_WORDS[facts.mark]}" if facts.mark is not None else ""
    )
    return "\n".join([head, *(f"  {name:<12} {text}" for name, text in element_rows(facts))])


def elapsed(seconds: float) -> str:
    """`3 s`."""
    return f"{int(seconds)} s"


def worst_words(kept: int, wrong: int) -> str:
    """What is said when the end of the worst elements is reached."""
    return f"the worst again, after {counted(kept, 'element')}" + (f" of {wrong:,}" if wrong > kept else "")


def _ratio(facts: Facts) -> str:
    if facts.ratio is None:
        return "–"
    return brief(facts.ratio, digits_that_tell_apart([(facts.ratio, 1.0)], least=4) if facts.ratio != 1 else 4)
