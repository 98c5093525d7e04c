"""From the verdicts on all draws to the report on a layer: the worst draw speaks, one cause is said once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from gradcheck_cli.judge.examination import NOTHING, Examination
from gradcheck_cli.judge.precedence import most_specific
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict, worst_status
from gradcheck_cli.judge.words import gradient_name
from gradcheck_cli.layers.layer import Layer, Role
from gradcheck_cli.report.model import ArgumentReport, DrawReport, Finding, LayerReport, NamedArray, Status

_VALUE_CODES = frozenset({"GC201", "GC401"})

_Kind = tuple[str | None, str, tuple[int, str] | None]
"""What two findings have to share to be one: the argument, the code, the line and the expression to blame."""


def combine(
    layer: Layer,
    draws: Sequence[DrawVerdict],
    *,
    errors: Sequence[Finding] = (),
    notes: Sequence[str] = (),
    examination: Examination = NOTHING,
    sources: dict[str, str] | None = None,
    reproduce: str = "",
    script: str = "",
    seconds: float = 0.0,
    equations: int = 0,
) -> LayerReport:
    """The report on a layer.

    Args:
        layer: what was checked.
        draws: the verdicts there are; fewer than were asked for where a draw could not be run.
        errors: GC5xx findings of draws that could not be run.
        notes: sentences of the stages before (what was inferred, what tracing cut).
        examination: what was found out beside the values, over all draws.
        sources: by argument, where its shape came from.
        reproduce: the command that reproduces a failure.
        script: a script that does, without gradcheck.
        seconds, equations: engine time, and the size of the forward's jaxpr.
    """
    positions = range(max((len(draw.leaves) for draw in draws), default=0))
    arguments = tuple(_argument(layer, draws, position) for position in positions)
    every = most_specific((*_findings(draws), *_first_of_each(examination.findings), *_unique(errors)))
    unable = {id(error) for error in errors}
    findings = tuple(finding for finding in every if id(finding) not in unable)
    errors = tuple(finding for finding in every if id(finding) in unable)
    failing = _shown_draw(draws, arguments)
    sensitivities = [leaf.sensitivity for draw in draws for leaf in draw.leaves if leaf.sensitivity is not None]
    witnesses = dict.fromkeys(name for draw in draws for name in draw.witnesses)
    order = [name for name in ("yours", "autodiff", "finite differences") if name in witnesses]
    return LayerReport(
        name=layer.name,
        path=str(layer.path),
        line=layer.line,
        convention=str(layer.convention),
        status=_status(draws, findings, errors),
        arguments=arguments,
        findings=(*findings, *errors),
        sensitivity=max((found.every for found in sensitivities), default=None),
        typical_sensitivity=max((found.typical for found in sensitivities), default=None),
        witnesses=tuple(order),
        notes=tuple(dict.fromkeys((*notes, *layer.notes, *_once((*_draw_notes(draws), *examination.notes))))),
        failing_draw=None if failing is None else _draw_report(failing, sources or {}),
        reproduce=reproduce,
        checked=examination.held,
        script=script,
        draws=len(draws),
        seconds=seconds,
        equations=equations,
        forward_line=layer.forward_line,
    )


def _status(draws: Sequence[DrawVerdict], findings: Sequence[Finding], errors: Sequence[Finding]) -> Status:
    if findings:
        return Status.FAIL
    if errors:
        return Status.ERROR
    return worst_status([draw.status for draw in draws])


def _argument(layer: Layer, draws: Sequence[DrawVerdict], position: int) -> ArgumentReport:
    """One leaf over all draws: the numbers of its worst draw, and the worst status."""
    having = [draw for draw in draws if position < len(draw.leaves)]
    status = worst_status([draw.leaves[position].status for draw in having])
    worst = max(
        (draw for draw in having if draw.leaves[position].status is status),
        key=lambda draw: _leaf_severity(draw, draw.leaves[position]),
    )
    verdict, leaf = worst.leaves[position], worst.case.leaves[position]
    comparison, array = verdict.comparison, verdict.received.array
    known = len(leaf.dimensions) == leaf.value.ndim
    return ArgumentReport(
        name=leaf.name,
        gradient_name=gradient_name(layer, leaf),
        status=status,
        shape=tuple(leaf.value.shape),
        dimensions=leaf.dimensions if known else ("",) * leaf.value.ndim,
        max_abs_error=None if comparison is None else comparison.max_abs_error,
        max_rel_error=None if comparison is None else comparison.max_rel_error,
        wrong=0 if comparison is None else int(comparison.wrong.size),
        total=int(leaf.value.size),
        decided_by=verdict.decided_by,
        worst=verdict.worst,
        wrong_map=verdict.wrong_map,
        draw=worst.case.draw,
        why=verdict.why,
        gradient_shape=None if array is None or verdict.received.has_right_shape else tuple(array.shape),
    )


def _leaf_severity(draw: DrawVerdict, leaf: LeafVerdict) -> tuple[bool, float, float, int]:
    """Draws without size-one dimensions tell more; then the larger relative error, the larger share, the first."""
    comparison = leaf.comparison
    relative = -1.0 if comparison is None or comparison.max_rel_error is None else comparison.max_rel_error
    share = 0.0 if comparison is None or not comparison.total else comparison.wrong.size / comparison.total
    return leaf.status is Status.FAIL and is_generic(draw), relative, share, -draw.case.draw


def _shown_draw(draws: Sequence[DrawVerdict], arguments: Sequence[ArgumentReport]) -> DrawVerdict | None:
    """The failing draw whose inputs are shown: the one that most of the shown elements are from."""
    failing = [draw for draw in draws if draw.status is Status.FAIL]
    shown = [argument.draw for argument in arguments if argument.status is Status.FAIL and argument.worst]
    return max(failing, key=lambda draw: (shown.count(draw.case.draw), _severity(draw)), default=None)


def _severity(draw: DrawVerdict) -> tuple[bool, float, int]:
    """The failing draw to show: one without size-one dimensions, with the most that is wrong, the first."""
    wrong = sum(leaf.comparison.wrong.size for leaf in draw.leaves if leaf.comparison is not None)
    return is_generic(draw), float(wrong), -draw.case.draw


def is_generic(draw: DrawVerdict) -> bool:
    """Whether no axis has size one: only then do different mistakes have different shapes."""
    return all(size != 1 for leaf in draw.case.leaves for size in leaf.value.shape)


def _findings(draws: Sequence[DrawVerdict]) -> tuple[Finding, ...]:
    """One finding for each argument, code and path, from the draw that tells most; a shape error silences values.

    A forward that is another one comes first: its gradient is another one too. Of values, those with a cause come
    before those without one.
    """
    best: dict[_Kind, tuple[tuple[bool, float, float, int], Finding]] = {}
    for draw in draws:
        for finding, leaf in _with_leaves(draw):
            severity = (is_generic(draw), 0.0, 0.0, -draw.case.draw) if leaf is None else _leaf_severity(draw, leaf)
            path = (finding.blame.line, finding.blame.expression) if finding.blame is not None else None
            key = (finding.argument, finding.code, path)
            if key not in best or severity > best[key][0]:
                best[key] = (severity, finding)
    misshapen = {argument for argument, code, _ in best if code == "GC101"}
    kept = [
        finding
        for (argument, code, _), (_, finding) in best.items()
        if not (argument in misshapen and code in _VALUE_CODES) and not _is_weaker(argument, code, best)
    ]
    return tuple(sorted(kept, key=lambda one: (one.code != "GC307", one.code[:3], one.code == "GC201")))


def _is_weaker(argument: str | None, code: str, best: Collection[_Kind]) -> bool:
    """A value is wrong in one draw and not finite in another: one cause, said once."""
    return code == "GC201" and (argument, "GC401", None) in best


def _with_leaves(draw: DrawVerdict) -> Iterable[tuple[Finding, LeafVerdict | None]]:
    for finding in draw.findings:
        yield finding, None
    for leaf in draw.leaves:
        for finding in leaf.findings:
            yield finding, leaf


def _unique(errors: Sequence[Finding]) -> tuple[Finding, ...]:
    """One error a message: each draw fails in the same way."""
    return tuple({(error.code, error.message, error.argument): error for error in reversed(errors)}.values())[::-1]


def _first_of_each(findings: Sequence[Finding]) -> Iterable[Finding]:
    """One finding where draws say the same of an argument with other numbers and shapes: the first."""
    seen: dict[tuple[str, str | None, int | None, str], Finding] = {}
    for finding in findings:
        said = _NUMBERS.split(finding.message, maxsplit=1)[0]
        seen.setdefault((finding.code, finding.argument, finding.line, said), finding)
    return seen.values()


_NUMBERS = re.compile(r" \(at | in \d|: |, and ")
"""Where a sentence goes on to the numbers of one draw."""


def _once(notes: Iterable[str]) -> Iterable[str]:
    """One sentence where draws say the same with other numbers: the first."""
    seen: dict[str, str] = {}
    for note in notes:
        seen.setdefault(_NUMBERS.split(note, maxsplit=1)[0], note)
    return seen.values()


def _draw_notes(draws: Sequence[DrawVerdict]) -> Iterable[str]:
    """The draws' own notes, and why a leaf passed where its numbers do not say it."""
    for draw in draws:
        yield from draw.notes
        for leaf in draw.leaves:
            if leaf.why and leaf.status is Status.PASS:
                yield leaf.why[0].upper() + leaf.why[1:] + "."


def _draw_report(draw: DrawVerdict, sources: dict[str, str]) -> DrawReport:
    case = draw.case
    names = {leaf.argument: leaf.dimensions for leaf in case.leaves if not leaf.path}
    shown = [argument for argument in case.layer.arguments if argument.name in case.arguments]
    arguments = tuple(
        NamedArray(
            argument.name, case.arguments[argument.name], names.get(argument.name, ()), sources.get(argument.name, "")
        )
        for argument in shown
        if argument.role is not Role.SIZE or case.arguments[argument.name] is not None
    )
    upstream_names = [*case.layer.upstream_names]
    upstream = tuple(
        NamedArray(
            upstream_names[at] if at < len(upstream_names) else _upstream_name(at, len(draw.upstream.cotangents)), value
        )
        for at, value in enumerate(draw.upstream.cotangents)
    )
    return DrawReport(case.draw, case.seed, arguments, upstream, tuple(case.dimensions.items()))


def _upstream_name(at: int, count: int) -> str:
    return "dout" if count == 1 else f"dout[{at}]"
