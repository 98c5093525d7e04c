"""From the draws of a layer whose gradients are wrong to the same draws with the cause named, where there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from gradcheck_cli.checking.case import CheckedCase
from gradcheck_cli.diagnose.blame import Judged
from gradcheck_cli.diagnose.cause import Cause, is_wrong, with_causes
from gradcheck_cli.diagnose.causes import causes
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.combine import is_generic
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.reading import read_source
from gradcheck_cli.report.model import Finding, Status

FRESH = 2
"""Cases that are drawn beside the run's own, where too few of those are wrong."""


def diagnosed(
    module: Module,
    checked: Sequence[CheckedCase],
    fresh: Callable[[int], CheckedCase],
    findings: Sequence[Finding],
) -> Sequence[CheckedCase]:
    """The draws, with the causes that explain what is wrong. Only KeyboardInterrupt is raised here.

    Args:
        fresh: a further draw, by number from 0.
        findings: what would be reported so far: what something else explains already has no mismatch among them.
    """
    mismatches = {finding.argument for finding in findings if finding.code == "GC201"}
    leaves = (leaf for draw in checked for leaf in draw.verdict.leaves if is_wrong(leaf))
    unexplained = {leaf.received.leaf.name for leaf in leaves} & mismatches
    if not unexplained:
        return checked

    def cases() -> Iterator[Judged]:
        ordered = _telling(checked)
        fewest = min(map(_ones, ordered))
        # in a batch of one, what is wrong by a local derivative is wrong by a number: a further draw tells more
        larger = (draw for draw in ordered if _ones(draw) == fewest)
        smaller = (draw for draw in ordered if _ones(draw) != fewest)
        for draw in chain(larger, map(fresh, range(FRESH)), smaller):
            yield replace(draw.subject, traced=draw.subject.differentiable), draw.verdict

    named: tuple[Cause, ...] = ()
    try:
        named = causes(cases(), lambda path: text_of(module, path))
    except KeyboardInterrupt:
        raise
    except Exception:  # a diagnosis is a kindness: the verdict stands without it
        if os.environ.get("GRADCHECK_DEBUG"):
            raise
    verdicts = with_causes([draw.verdict for draw in checked], named, unexplained)
    return [replace(draw, verdict=verdict) for draw, verdict in zip(checked, verdicts)]


def _telling(checked: Sequence[CheckedCase]) -> Sequence[CheckedCase]:
    """The draws, the most telling first: a size that differs between two cases is told from a plain number."""
    ordered = sorted(checked, key=lambda draw: not is_generic(draw.verdict))
    first = next((draw for draw in ordered if draw.verdict.status is Status.FAIL), None)
    if first is None:
        return ordered
    sizes = first.subject.case.dimensions.items()

    def rank(draw: CheckedCase) -> tuple[bool, bool, int]:
        alike = len(sizes & draw.subject.case.dimensions.items())
        return draw is not first, not is_generic(draw.verdict), alike

    return sorted(ordered, key=rank)


def _ones(draw: CheckedCase) -> int:
    """How many axes have size one."""
    return sum(size == 1 for leaf in draw.subject.case.leaves for size in leaf.value.shape)


def text_of(module: Module, path: str) -> str:
    """The text of a file of the user's, "" where it cannot be read; the module's as it was when it was loaded."""
    try:
        return module.source if Path(path) == module.path else read_source(Path(path))
    except UserError:
        return ""
