"""A run in the order in which it is read: the verdicts, one layer, its findings, the forward's source, an element."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradcheck_cli.inspector.leaf import Facts, Leaf
from gradcheck_cli.inspector.plain.text import paragraph, place, spoken
from gradcheck_cli.inspector.session import Curve, Dug, Session
from gradcheck_cli.inspector.source import Excerpt
from gradcheck_cli.inspector.words import MARK_WORDS, element_rows, index_words
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.last_line import counts
from gradcheck_cli.report.marks import STATUS_WORD
from gradcheck_cli.report.model import ArgumentReport, Element, Finding, LayerReport, Report, Status
from gradcheck_cli.report.numbers import brief, counted, digits_that_tell_apart, value, with_error
from gradcheck_cli.report.shapes import index_text, shape_text

EVERY = 4
"""Of the steps of a curve, so many are passed over for each that is read out."""

_LABELS = {
    "finite diff": "finite difference",
    "left | right": "slopes left and right",
    "error / tol.": "error in tolerances",
    "the input": "value of the input",
}


def overview(session: Session, report: Report) -> str:
    """What was opened, and the verdict on each layer."""
    totals = ", ".join(words for _, words in counts(report)) or "no layers"
    lines = [f"{one_line(session.name)}: {totals}. Seed {report.seed}, device {one_line(report.device)}."]
    lines += [paragraph(f"Error: {error.message}") for error in report.errors]
    lines += [paragraph(f"Note: {note}") for note in report.notes]
    lines += [paragraph(f"{session.at_hand}.")] if session.at_hand else []
    lines += ["", "Layers"]
    for number, layer in enumerate(report.layers, 1):
        lines.append(f"{number}. {one_line(layer.name)}: {STATUS_WORD[layer.status]}")
        lines += [f"   {_verdict(argument)}" for argument in layer.arguments]
    return "\n".join(lines)


def layer_text(layer: LayerReport, folder: str) -> str:
    """Its verdict, its findings, and what is noted."""
    head = f"Layer {one_line(layer.name)}: {STATUS_WORD[layer.status]}"
    parts = [f"{head}\n{one_line(layer.convention)}, {place(layer.path, layer.line, folder)}"]
    parts += [finding_text(finding, folder) for finding in layer.findings]
    if not layer.findings:
        parts.append("Nothing is found.")
    parts += [paragraph(f"{argument.gradient_name}: {argument.why}") for argument in layer.arguments if argument.why]
    parts += [paragraph(f"Ignored, by {one.by}: {one.finding.message}") for one in layer.suppressed]
    parts += [paragraph(f"Note: {note}") for note in layer.notes]
    if layer.reproduce and layer.status is not Status.PASS:
        parts.append(f"Run it again: {one_line(layer.reproduce)}")
    return "\n\n".join(parts)


def finding_text(finding: Finding, folder: str) -> str:
    """Code and name, the sentence, the mend, the places."""
    about = f", about {one_line(finding.argument)}" if finding.argument else ""
    lines = [f"Finding: {finding.code} {finding.rule}{about}", paragraph(finding.message, 2)]
    if finding.mend:
        lines.append(paragraph(f"Mend: {finding.mend}", 2))
    if finding.blame is not None:
        share = f" It explains {finding.blame.explains:.0%} of the error." if finding.blame.explains < 0.9995 else ""
        lines.append(f"  To blame: {place(finding.blame.path, finding.blame.line, folder)}.{share}")
    lines.append(f"  At: {place(finding.path, finding.line, folder)}")
    return "\n".join(lines)


def source_text(title: str, excerpt: Excerpt | None, folder: str) -> str:
    """A function with its line numbers; what is to blame is said before the line, and what is wrong with it after."""
    if excerpt is None:
        return f"{title}: its source was not kept."
    blamed = f" To blame: line {excerpt.blamed[0]}." if excerpt.blamed else ""
    lines = [f"{title}, {place(excerpt.path, excerpt.first, folder)}.{blamed}"]
    for number, text in enumerate(excerpt.text.split("\n"), excerpt.first):
        if number in excerpt.blamed:
            lines.append(f"{number}, to blame: {text}")
        else:
            lines.append(f"{number}: {text}".rstrip())
        if excerpt.blamed and number == excerpt.blamed[-1] and (told := excerpt.mark.lstrip(" ^")):
            start, end = excerpt.mark.index("^"), excerpt.mark.rindex("^") + 1
            lines.append(f"   {text[start:end].strip()}: {spoken(told)}.")
    return "\n".join(lines)


def gradient_line(argument: ArgumentReport) -> str:
    """What a gradient is called, its shape, and how much of it is wrong."""
    shape = shape_text(argument.shape, [one_line(name) for name in argument.dimensions])
    return f"Gradient {one_line(argument.gradient_name)} of shape {shape}: {_verdict(argument, named=False)}"


def element_text(facts: Facts, leaf: Leaf, wrong: int) -> str:
    """One element as labelled lines."""
    name = one_line(leaf.kept.gradient_name)
    words = index_words(facts, leaf.kept)
    axes = f", {words.replace(' · ', ', ')}" if words else ""
    told = "not judged" if facts.mark is None else MARK_WORDS[facts.mark]
    rank = "" if facts.rank is None else f", worst {facts.rank:,} of {wrong:,}"
    rows = [(_LABELS.get(label, label), text) for label, text in element_rows(facts)]
    return "\n".join([f"Element {name}{index_text(facts.index)}{axes}: {told}{rank}", *_labelled(rows)])


def reported_element(element: Element, name: str) -> str:
    """The same of an element of the report, where no arrays were kept."""
    held = element.autodiff if element.autodiff is not None else element.finite_difference
    digits = digits_that_tell_apart([(element.yours, held)])
    rows = [
        ("yours", value(element.yours, digits)),
        ("autodiff", value(element.autodiff, digits)),
        ("finite difference", with_error(element.finite_difference, element.error_bar, digits)),
        ("tolerance", brief(element.tolerance)),
        ("ratio", brief(element.ratio, 4)),
    ]
    return "\n".join([f"Element {one_line(name)}{index_text(element.index)}", *_labelled(rows)])


def dug_text(dug: Dug, name: str) -> str:
    """The differences of an element over step sizes, and what flows to it along the paths of the forward."""
    parts = []
    if dug.curve is not None:
        parts.append("\n".join(_curve(dug.curve, name)))
    if told := dug.why.get("curve"):
        parts.append(paragraph(told))
    if dug.contributions is not None:
        lines = [f"What flows to {name} along the paths of the forward"]
        for each in dug.contributions:
            where = "" if each.line is None else f", line {each.line}"
            missing = ". Yours lacks this" if each.is_missing else ""
            lines.append(f"  {one_line(each.expression)}{where}: {brief(each.value, 6)}{missing}")
        total = float(sum(each.value for each in dug.contributions))
        lines.append(f"  together, as autodiff has it: {brief(total, 6)}")
        parts.append("\n".join(lines))
    if dug.growth is not None:
        lines = [f"What the layers that are wrong by themselves add to the error of {name}"]
        lines += [f"  {one_line(each.layer)}: {brief(each.value, 6)}" for each in dug.growth]
        total = float(sum(each.value for each in dug.growth))
        lines.append(f"  together, yours less autodiff but for rounding: {brief(total, 6)}")
        parts.append("\n".join(lines))
    if told := dug.why.get("growth"):
        parts.append(paragraph(told))
    if told := dug.why.get("contributions"):
        parts.append(paragraph(told))
    return "\n\n".join(dict.fromkeys(parts))


def _curve(curve: Curve, name: str) -> Iterator[str]:
    yield f"Finite differences of {name}"
    if curve.value is not None:
        step = "" if curve.chosen is None else f", at step {brief(float(curve.steps[curve.chosen]))}"
        yield f"  chosen: {spoken(with_error(curve.value, curve.bar, 8))}{step}"
    yield f"  held against: {brief(curve.reference, 8)}"
    if curve.backward is not None and curve.forward is not None:
        yield f"  slope below: {brief(curve.backward, 8)}"
        yield f"  slope above: {brief(curve.forward, 8)}"
    if curve.plateau is not None:
        longest, shortest = (brief(float(curve.steps[at])) for at in curve.plateau)
        yield f"  steps that agree: from {longest} to {shortest}"
    for at in range(0, len(curve.steps), EVERY):
        off = abs(float(curve.values[at]) - curve.reference)
        yield f"  step {brief(float(curve.steps[at]))}: {brief(float(curve.values[at]), 8)}, off by {brief(off)}"


def _verdict(argument: ArgumentReport, *, named: bool = True) -> str:
    parts = [STATUS_WORD[argument.status]]
    if argument.gradient_shape is not None:
        parts.append(f"it came back as {shape_text(argument.gradient_shape)}")
    elif argument.wrong:
        parts.append(f"{argument.wrong:,} of {counted(argument.total, 'element')} wrong")
    if argument.wrong and argument.max_rel_error is not None:
        parts.append(f"worst relative error {brief(argument.max_rel_error)}")
    told = ", ".join(parts)
    return f"{one_line(argument.gradient_name)}: {told}" if named else told


def _labelled(rows: Sequence[tuple[str, str]]) -> list[str]:
    return [f"  {label}: {spoken(text.replace(' | ', ' and '))}" for label, text in rows]
