"""Findings and elements as text in colours of the theme."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from gradcheck_cli.inspector.convention import NO_GRADIENT, convention_rows
from gradcheck_cli.inspector.heat import LEVELS, Heat
from gradcheck_cli.inspector.leaf import Facts, Leaf
from gradcheck_cli.inspector.palette import style_of
from gradcheck_cli.inspector.words import element_rows, legend, mark_words, scale_ends, sign
from gradcheck_cli.report.arrays import assignment
from gradcheck_cli.report.escaping import one_line, plain
from gradcheck_cli.report.marks import UNICODE
from gradcheck_cli.report.model import ArgumentReport, Finding, LayerReport, Report, Status
from gradcheck_cli.report.places import relative_path
from gradcheck_cli.report.prose import spans
from gradcheck_cli.report.shapes import shape_text
from gradcheck_cli.saved import model as marks
from gradcheck_cli.saved.model import KeptLayer

STATUS_COLOURS = {
    Status.PASS: "$success",
    Status.FAIL: "$error",
    Status.INCONCLUSIVE: "$warning",
    Status.ERROR: "$error",
}
_MARK_COLOURS = {marks.RIGHT: "$success", marks.WRONG: "$error", marks.UNKNOWN: "$warning", marks.EXCUSED: "$accent"}


def sentence(text: str) -> Content:
    """What stands between backticks in the colour of code."""
    return Content.assemble(*[(span.text, "$code") if span.is_code else span.text for span in spans(text)])


def place(path: str, line: int | None, folder: str) -> str:
    """`mylayer.py:47`, seen from the run's folder."""
    shown = relative_path(path, Path(folder)) if folder else path
    return one_line(shown) + (f":{line}" if line is not None else "")


NAME_COLUMNS = 24
"""Of a layer or a gradient in a line that tells more."""


def short_name(name: str) -> str:
    """A layer or a gradient in a line that tells more."""
    return shortened(one_line(name), NAME_COLUMNS)


def shortened(text: str, columns: int) -> str:
    """What is too long for its line: of a path, and of `params['w']`, the end, of a name the beginning."""
    if cell_len(text) <= columns:
        return text
    if "/" in text:
        return f"…/{text.rpartition('/')[2]}"
    if "[" in text:
        return f"…{set_cell_size(text[::-1], columns - 1)[::-1]}"
    return f"{set_cell_size(text, columns - 1)}…"


def element_content(facts: Facts, wrong: int, where: str) -> Content:
    """The element under the cursor."""
    mark = "$quiet" if facts.mark is None else f"bold {_MARK_COLOURS[facts.mark]}"
    lines = [Content.styled(where, "$quiet")] if where else []
    lines.append(Content.styled(mark_words(facts, wrong), mark))
    for name, text in element_rows(facts):
        style = "bold $error" if name == "yours" and facts.mark == marks.WRONG else ""
        lines.append(Content.assemble((f"{name:<13}", "$quiet"), (text, style)))
    return Content("\n").join(lines)


def legend_content(heat: Heat, kind: str) -> Content:
    """The levels as they look in the map, then its other marks."""
    low, high = scale_ends(heat.scale)
    codes = [4 + 2 * (level - 1) for level in range(1, LEVELS + 1, 2)]
    parts: list[Content] = []
    if heat.has_levels:
        below = Content("").join(_cell(code + 1, kind) for code in reversed(codes))
        above = Content("").join(_cell(code, kind) for code in codes)
        ends = f"1 is {low} tolerances" + (f", 9 is {high}" if high != low else "")
        if high == low:
            ends = f"9 is {high} tolerances"
        line = Content.assemble(("too small ", "$quiet"), below, _cell(0, kind), " ", above, (" too large", "$quiet"))
        parts += [line, Content.styled(ends, "$quiet")]
    words = [Content.assemble(_cell(0, kind, 1), (" right", "$quiet"))]
    words += [Content.assemble(_cell(code, kind, 1), (f" {word}", "$quiet")) for code, word in legend(heat)]
    tail = Content("  ").join(words)
    if parts and len(words) == 1:
        parts[-1] = Content.assemble(parts[-1], "  ", tail)
    else:
        parts.append(tail)
    return Content("\n").join(parts)


def finding_content(finding: Finding, folder: str, *, is_whole: bool = False) -> Content:
    """Code and name, the sentence, shapes or the mend, and the places."""
    lines = [Content.assemble((finding.code, "bold $error"), (f" {finding.rule}", "bold"))]
    if finding.argument:
        lines[0] = Content.assemble(lines[0], (f" · {one_line(finding.argument)}", "$quiet"))
    lines.append(sentence(finding.message))
    rows: list[tuple[str, str]] = []
    if finding.mend:
        rows.append(("mend", plain(finding.mend)))
    if finding.blame is not None:
        share = f" explains {finding.blame.explains:.0%}" if 0 < finding.blame.explains < 0.9995 else ""
        rows.append((finding.blame.what, place(finding.blame.path, finding.blame.line, folder) + share))
    rows.append(("at", place(finding.path, finding.line, folder)))
    lines += [Content.assemble((f"{name:<6}", "$quiet"), (text, "$code")) for name, text in rows]
    if is_whole and finding.inputs:
        lines.append(Content.styled("with", "$quiet"))
        lines += [
            Content(plain(assignment(one_line(each.name), each.value, each.dimensions, 72))) for each in finding.inputs
        ]
    return Content("\n").join(lines)


def layer_content(
    layer: LayerReport,
    findings: list[Finding],
    folder: str,
    convention: Sequence[Content] = (),
    *,
    is_whole: bool = False,
) -> Content:
    """The findings, the one that matters first; then how it is called, and what is known of it."""
    blocks = [finding_content(finding, folder, is_whole=is_whole) for finding in findings]
    if not findings:
        blocks.append(_no_finding(layer))
    blocks += [_ignored(layer)] if layer.suppressed else []
    facts = [place(layer.path, layer.line, folder), layer.convention]
    if layer.draws:
        facts.append(f"{layer.draws} draws")
    blocks.append(Content.styled(" · ".join(one_line(fact) for fact in facts), "$quiet"))
    blocks += convention
    reasons = [
        Content.assemble((f"{one_line(each.gradient_name)} ", ""), (plain(each.why), "$quiet"))
        for each in layer.arguments
        if each.why
    ]
    if reasons:
        blocks.append(Content("\n").join(reasons))
    if is_whole and layer.checked:
        blocks.append(Content.styled("also checked: " + ", ".join(map(one_line, layer.checked)), "$quiet"))
    if layer.notes:
        blocks.append(Content("\n").join(Content.assemble(("• ", "$quiet"), sentence(note)) for note in layer.notes))
    if is_whole and layer.reproduce:
        blocks.append(Content.assemble(("run it again\n", "$quiet"), (f"  {one_line(layer.reproduce)}", "$code")))
    if is_whole and layer.script:
        blocks.append(Content.assemble(("the smallest case, as a script\n", "$quiet"), (plain(layer.script), "$code")))
    return Content("\n\n").join(blocks)


def convention_content(layer: LayerReport, kept: KeptLayer | None) -> list[Content]:
    """How the layer is called: arguments, and the gradients that come back for them."""
    rows = convention_rows(layer, kept)
    if not rows:
        return []
    first, second = (max(cell_len(row[at]) for row in rows) for at in (0, 1))
    lines = [Content.styled("what goes in, and what comes back", "$quiet")]
    for name, what, comes in rows:
        arrow = "→ " if comes not in ("", NO_GRADIENT) else ""
        cells = f"  {set_cell_size(name, min(first, NAME_COLUMNS))}  {set_cell_size(what, min(second, 40))}  "
        lines.append(Content.assemble(cells, (f"{arrow}{comes}", "$code" if arrow else "$quiet")))
    return [Content("\n").join(lines)]


def problem_content(problem: Finding, folder: str) -> Content:
    """What belongs to no layer: a module that does not load."""
    return finding_content(problem, folder, is_whole=True)


def totals_content(report: Report, *, is_short: bool = False) -> Content:
    """`✗ 1 failed  ✓ 2 passed`, or `✗ 1  ✓ 2`."""
    words = {
        Status.FAIL: "failed",
        Status.ERROR: "with errors",
        Status.INCONCLUSIVE: "inconclusive",
        Status.PASS: "passed",
    }
    found = [
        Content.styled(
            f"{UNICODE.status[status]} {report.count(status):,}{'' if is_short else f' {word}'}", STATUS_COLOURS[status]
        )
        for status, word in words.items()
        if report.count(status)
    ]
    return Content("  ").join(found) if found else Content.styled("no layers", "$quiet")


def no_source(layer: LayerReport) -> str:
    """In place of a function."""
    if layer.network is not None:
        return "a network has no functions of its own: its layers, which are in the list, do"
    return "its source was not kept"


def nothing_kept(layer: LayerReport, argument: ArgumentReport | None) -> Content:
    """In place of the map, where there are no arrays."""
    if argument is None and layer.status is Status.ERROR:
        return Content.styled("This layer could not be run: f tells why, e opens the line.", "$quiet")
    if argument is None:
        return Content.styled("This layer has no gradients to show; f tells what is known of it.", "$quiet")
    if argument.gradient_shape is not None:
        return _shapes(argument.gradient_name, argument.gradient_shape, argument.shape, argument.dimensions)
    return Content.styled("No arrays were kept of this layer; f tells what is known of it.", "$quiet")


def no_map(leaf: Leaf) -> Content:
    """In place of the map, where elements cannot be compared."""
    kept, yours = leaf.kept, leaf.kept.arrays.get("yours")
    if yours is not None and yours.shape != kept.shape:
        return _shapes(kept.gradient_name, yours.shape, kept.shape, kept.dimensions)
    return Content.styled(leaf.why_no_map, "$quiet")


def _shapes(name: str, got: tuple[int, ...], asked: tuple[int, ...], dimensions: tuple[str, ...]) -> Content:
    return Content.assemble(
        (f"{one_line(name)} has another shape\n\n", "bold $error"),
        ("yours     ", "$quiet"),
        (shape_text(got), "bold $error"),
        ("\nexpected  ", "$quiet"),
        (one_line(shape_text(asked, dimensions)), "$success"),
    )


def _no_finding(layer: LayerReport) -> Content:
    if layer.status is Status.PASS:
        caught = "" if layer.sensitivity is None else f": an error of {layer.sensitivity:.0e} would have been caught"
        return Content.assemble(("✓ nothing is wrong", "bold $success"), (caught, "$quiet"))
    return Content.styled(f"{layer.status.value}, without a finding", STATUS_COLOURS[layer.status])


def _ignored(layer: LayerReport) -> Content:
    lines = [f"{each.finding.code} does not count: {each.by}" for each in layer.suppressed]
    return Content.styled("\n".join(map(one_line, lines)), "$quiet")


def _cell(code: int, kind: str, width: int = 2) -> Content:
    style = style_of(code, kind)
    words = ["bold"] if style.bold else []
    if style.color is not None:
        words.append(style.color.name)
    if style.bgcolor is not None:
        words += ["on", style.bgcolor.name]
    return Content.styled(sign(code)[-width:], " ".join(words))
