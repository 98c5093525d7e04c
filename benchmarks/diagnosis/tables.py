"""The judgements of a run in Markdown: by the rule that is planted, what was wrong or missing, and what it cost."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from benchmarks.detection.record import joined, markdown_table
from benchmarks.diagnosis.judge import Judged, Kind, causes, lines, wrong

LIMIT = 3.0
"""Seconds of diagnosis to a second of the check, at most."""


def markdown(judgements: Sequence[Judged]) -> str:
    """Everything that goes into `docs/record.md`."""
    return "\n\n".join(joined(list(_parts(judgements))))


def _parts(judgements: Sequence[Judged]) -> Iterator[str]:
    seeds = sorted({one.answer.seed for one in judgements})
    yield (
        f"{len({one.answer.bug for one in judgements})} bugs planted by hand, "
        f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}. "
        f"First cause right: {causes(judgements)}. Line right: {lines(judgements)} of the dropped, doubled, re-signed "
        f"and re-scaled paths. Wrong diagnosis: {wrong(judgements)}."
    )
    yield _by_code(judgements)
    yield from _cost(judgements)
    for kind, title in ((Kind.WRONG, "Wrong diagnoses"), (Kind.NONE, "No cause named where one is planted")):
        some = [one for one in judgements if one.kind is kind]
        yield f"### {title}: {len(some):,}"
        yield from ([_named(one) for one in some] or ["None."])
    unfound = [one for one in judgements if one.kind is Kind.UNFOUND]
    if unfound:
        yield f"### Not called wrong, and not diagnosed: {len(unfound):,}"
        yield from (_named(one) for one in unfound)


def _by_code(judgements: Sequence[Judged]) -> str:
    head = ("planted", "bugs found", "right", "none", "wrong", "line named", "line right")
    codes = sorted({one.planted.code for one in judgements})
    rows = [_row(code, [one for one in judgements if one.planted.code == code]) for code in codes]
    return markdown_table(head, [*rows, _row("all", judgements)])


def _row(title: str, some: Sequence[Judged]) -> tuple[str, ...]:
    counts = [sum(one.kind is kind for one in some) for kind in (Kind.RIGHT, Kind.NONE, Kind.WRONG)]
    named, right = sum(one.has_line for one in some), sum(one.line_right for one in some)
    return title, *(f"{count:,}" for count in (sum(counts), *counts, named, right))


def _cost(judgements: Sequence[Judged]) -> Iterator[str]:
    costs = [(cost, one) for one in judgements if (cost := one.cost) is not None]
    if not costs:
        return
    ratios = [cost for cost, _ in costs]
    seconds = [one.answer.diagnosis for _, one in costs]
    worst, dearest = max(costs, key=lambda pair: pair[0])
    above = sum(ratio >= LIMIT for ratio in ratios)
    yield (
        f"A diagnosis took {statistics.median(seconds):.2f} s (median; {max(seconds):.1f} s the slowest), "
        f"{statistics.median(ratios):.2f} times the check itself (median; {worst:.1f} times at worst, "
        f"`{name(dearest)}`); {above:,} of {len(costs):,} took {LIMIT:g} times the check or more."
    )


def name(one: Judged) -> str:
    """`attention::multi_head_attention#mha-no-scale`."""
    return f"{one.planted.module.stem}::{one.planted.layer}#{one.planted.name}"


def _named(one: Judged) -> str:
    return f"- {line(one)}"


def line(one: Judged) -> str:
    """What was planted and what was said, on one line."""
    planted, answer = one.planted, one.answer
    where = f" in line {', '.join(map(str, sorted(planted.forward_lines())))}" if planted.forward else ""
    accepted = f", or {', '.join(planted.also)}" if planted.also else ""
    said = f"{answer.code or 'nothing'}"
    if answer.line:
        place = f"line {answer.line}" if answer.line > 0 else "another file"
        factor = "" if answer.factor is None else f", α = {answer.factor:.4g}"
        said += f" at `{answer.expression}`, {place}{factor}"
    elif one.kind is not Kind.NONE:
        said += f" ({answer.message.replace('`', chr(39))[:120]})"
    return f"seed {answer.seed}: `{name(one)}`: {planted.what} ({planted.code}{accepted}{where}); said: {said}"
