"""What was dug up, as text: the curve, the paths, the same element elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from textual.content import Content

from gradcheck_cli.inspector.growth import rows_of
from gradcheck_cli.inspector.leaf import Facts, Leaf
from gradcheck_cli.inspector.plot import Ink, curve_plot
from gradcheck_cli.inspector.session import Answer, Curve, Dug
from gradcheck_cli.inspector.telling import STATUS_COLOURS, sentence
from gradcheck_cli.inspector.words import MARK_WORDS
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import UNICODE
from gradcheck_cli.report.model import Status
from gradcheck_cli.report.network.model import NetworkReport
from gradcheck_cli.report.numbers import Number, brief, counted, power, with_error
from gradcheck_cli.report.shapes import shape_text

_COLOURS = {
    Ink.AXIS: "$quiet",
    Ink.CURVE: "bold $foreground",
    Ink.PLATEAU: "bold $foreground on $success 16%",
    Ink.CHOSEN: "bold $accent on $success 16%",
    Ink.BAR: "$quiet",
}
_WAIT = "being found out …"
_DIGITS = 6
APART = 1e-3
"""Slopes on the two sides that differ by more, as a share, are those of a kink."""


def curve_content(dug: Dug | None, width: int, height: int, facts: Facts) -> Content:
    """The plot, and below it what it shows; why there is none, where there is none."""
    if dug is None:
        return Content.styled(_WAIT, "$quiet")
    curve, why = dug.curve, dug.why.get("curve", "")
    if curve is None:
        return sentence(why or "There is no difference of this element.")
    notes = _notes(curve, facts)
    if why:
        notes.append(sentence(why))
    plot = curve_plot(curve, width, height - len(notes))
    if not plot and len(curve.steps):
        notes.append(sentence(_why_no_plot(curve)))
    drawn = [Content.assemble(*[(text, _COLOURS[ink]) for text, ink in line]) for line in plot]
    return Content("\n").join([*drawn, *notes])


def _why_no_plot(curve: Curve) -> str:
    if not np.isfinite(curve.values).any():
        return "There is no curve: the forward is not finite at this element, nor a step away from it."
    if not np.isfinite(curve.reference):
        return "There is no curve: neither autodiff's gradient nor the difference is a number that it is held against."
    return "There is no room for the curve: make the terminal larger."


def _notes(curve: Curve, facts: Facts) -> list[Content]:
    lines: list[Content] = []
    if curve.value == curve.reference and _is_number(curve.value) and not _is_number(facts.held):
        lines.append(Content.styled("autodiff is no number here: held against the chosen difference", "$warning"))
    if curve.value is not None and _is_number(curve.value):
        step = None if curve.chosen is None else float(curve.steps[curve.chosen])
        chosen = Content.assemble(
            ("│ " if step is not None else "", "bold $accent"),
            ("chosen ", "$quiet"),
            with_error(curve.value, curve.bar, _DIGITS),
            (f"  at h = {brief(step, 2)}" if step is not None else "", "$quiet"),
        )
        lines.append(chosen)
    if curve.plateau is not None and len(curve.steps):
        first, last = sorted(float(curve.steps[at]) for at in curve.plateau)
        lines.append(
            Content.assemble(
                ("━ ", "$foreground on $success 16%"), (f"steps that agree: {power(first)} to {power(last)}", "$quiet")
            )
        )
    backward = curve.backward if curve.backward is not None else facts.backward
    forward = curve.forward if curve.forward is not None else facts.forward
    if backward is not None and forward is not None:
        kink = "  a kink: no step gives the slope" if _are_apart(backward, forward) else ""
        slopes = f"{brief(backward, 5)} | {brief(forward, 5)}"
        lines.append(Content.assemble(("left | right  ", "$quiet"), slopes, (kink, "bold")))
    return lines


def _is_number(value: Number | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def _are_apart(one: float, other: float) -> bool:
    return abs(one - other) > APART * max(abs(one), abs(other))


def contributions_content(dug: Dug | None, facts: Facts) -> Content:
    """A row for each path, what is missing in yours marked; their sum; yours."""
    if dug is None:
        return Content.styled(_WAIT, "$quiet")
    if dug.contributions is None:
        return sentence(dug.why.get("contributions", "") or "The paths are not known.")
    values = [brief(each.value, 5) for each in dug.contributions]
    total = brief(float(sum(each.value for each in dug.contributions)), 5)
    yours = brief(facts.yours, 5)
    width = max(len(text) for text in [*values, total, yours])
    numbers = ["" if each.line is None else f"line {each.line}" for each in dug.contributions]
    across = max((len(number) for number in numbers), default=0)
    lines = []
    for each, text, number in zip(dug.contributions, values, numbers):
        style, mark = ("bold $error", "✗ ") if each.is_missing else ("", "  ")
        place = Content.styled(f"  {number:<{across}}  ", "$quiet")
        lines.append(
            Content.assemble((f"{mark}{text:>{width}}", style), place, (one_line(each.expression), style or "$code"))
        )
    whose = ": autodiff" if facts.autodiff is not None and np.isfinite(facts.autodiff) else ""
    lines.append(Content.styled("  " + "─" * width, "$quiet"))
    lines.append(Content.assemble((f"  {total:>{width}}  ", "bold"), (f"together{whose}", "$quiet")))
    without = ", without ✗" if any(each.is_missing for each in dug.contributions) else ""
    lines.append(Content.assemble((f"  {yours:>{width}}  ", "bold"), (f"yours{without}", "$quiet")))
    return Content("\n").join(lines)


def with_difference(facts: Facts, dug: Dug | None) -> Facts:
    """With the difference that was dug up, where the check had taken none."""
    if facts.difference is not None or dug is None or dug.curve is None:
        return facts
    return replace(facts, difference=dug.curve.value, bar=dug.curve.bar)


_HEADS = ("adds here", "own error", "so far")


def growth_content(network: NetworkReport, dug: Dug | None, gradient: str) -> Content:
    """A row for each layer on the way back to an element: what it adds to its error, and the errors beside it."""
    if dug is None:
        return Content.styled(_WAIT, "$quiet")
    rows = rows_of(network, dug, gradient)
    texts = [["" if number is None else brief(number, 3) for number in (row.adds, row.own, row.so_far)] for row in rows]
    widths = [max(map(len, column)) for column in zip(_HEADS, *texts)]
    lines = [Content.styled("  " + "  ".join(f"{head:>{width}}" for head, width in zip(_HEADS, widths)), "$quiet")]
    for row, cells in zip(rows, texts):
        if row.left_out:
            lines.append(Content.styled(f"  … {counted(row.left_out, 'layer')} that are right", "$quiet"))
            continue
        numbers = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths))
        style = "" if row.status is Status.PASS else "bold $error"
        lines.append(
            Content.assemble(
                (f"{UNICODE.status[row.status]} ", STATUS_COLOURS[row.status]),
                (numbers, style),
                f"  {one_line(row.name)}",
            )
        )
    if dug.growth is None:
        lines.append(sentence(dug.why.get("growth") or dug.why.get("contributions", "")))
    else:
        total = brief(float(sum(each.value for each in dug.growth)), 3)
        lines.append(
            Content.assemble(
                (f"  {total:>{widths[0]}}", "bold"), ("  together: yours − autodiff, but for rounding", "$quiet")
            )
        )
    return Content("\n").join(lines)


def saved_draws(leaf: Leaf, index: tuple[int, ...]) -> list[tuple[str, ...]]:
    """The same element in the other draws of the run, of which the marks alone are known.

    Raises:
        UserError: where the file is damaged.
    """
    rows: list[tuple[str, ...]] = []
    for at, draw in enumerate(leaf.layer.draws):
        stored = draw.marks[leaf.position]
        if at == leaf.layer.shown or stored is None:
            continue
        sizes = ", ".join(f"{one_line(name)}={size}" for name, size in draw.dimensions)
        inside = len(stored.shape) == len(index) and all(place < size for place, size in zip(index, stored.shape))
        told = MARK_WORDS[int(stored.read()[index])] if inside else "no such element"
        rows.append((f"draw {draw.index + 1}", sizes, told))
    return rows


def other_seed_row(seed: int, answer: Answer, name: str, index: tuple[int, ...]) -> tuple[str, ...]:
    """The same element of a layer that was checked under another seed.

    Raises:
        UserError: where the file is damaged.
    """
    head = f"seed {seed}"
    kept = answer.kept
    at = next((at for at, leaf in enumerate(kept.leaves) if leaf.name == name), None) if kept is not None else None
    if kept is None or at is None:
        return head, "", "no arrays"
    leaf = Leaf(kept, at)
    shape = leaf.kept.shape
    if leaf.why_no_map or len(shape) != len(index) or not all(place < size for place, size in zip(index, shape)):
        return head, shape_text(shape), "no such element"
    facts = leaf.facts(int(np.ravel_multi_index(index, shape)) if shape else 0)
    told = MARK_WORDS.get(-1 if facts.mark is None else facts.mark, "not judged")
    return head, f"yours {brief(facts.yours, 4)}, autodiff {brief(facts.autodiff, 4)}", told


def other_seeds_content(draws: Sequence[tuple[str, ...]], seeds: Sequence[tuple[str, ...]]) -> list[Content]:
    """The tables of other draws and seeds, those that there are."""
    tables = []
    for title, rows in (("in the other draws", draws), ("under other seeds", seeds)):
        if rows:
            lines = [Content.styled(title, "$quiet")]
            for head, *rest in rows:
                told = rest[-1] if rest else ""
                style = "bold $error" if told == MARK_WORDS[1] else ""
                middle = "  ".join(rest[:-1])
                lines.append(
                    Content.assemble((f"{head}  ", "$quiet"), (f"{middle}  " if middle else ""), (told, style))
                )
            tables.append(Content("\n").join(lines))
    return tables
