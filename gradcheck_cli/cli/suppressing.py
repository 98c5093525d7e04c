"""What `gradcheck run` was told not to count, brought to the report: reads the modules' text and the baseline file."""

from __future__ import annotations

import contextlib
import io
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from gradcheck_cli._version import __version__
from gradcheck_cli.checking import Target
from gradcheck_cli.cli.failures import from_user_error
from gradcheck_cli.cli.given import RunOptions
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.targets import expand
from gradcheck_cli.report.model import LayerReport, Report, Status
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.suppressions.apply import renewed, suppressed
from gradcheck_cli.suppressions.baseline import read_baseline, write_baseline
from gradcheck_cli.suppressions.scope import Scope
from gradcheck_cli.suppressions.told import Suppressions

_NEED_STRESS = frozenset({"GC401", "GC403"})
"""Codes that a run without `--stress` may not find."""


def with_baseline(told: RunOptions) -> RunOptions:
    """The options with the baseline's entries in them; `--fail-fast` does not stop at what does not count.

    Raises:
        UserError: for a baseline that cannot be read, before anything is checked.
    """
    suppressions = told.suppressions
    if told.baseline is not None:
        suppressions = replace(suppressions, baseline=read_baseline(told.baseline, may_be_missing=told.write_baseline))
    if told.write_baseline and told.check.fail_fast:
        raise UserError(
            "`--write-baseline` needs all findings, and `--fail-fast` stops at the first", mend="--no-fail-fast"
        )
    check = replace(told.check, counts=partial(_counts, suppressions)) if told.check.fail_fast else told.check
    return replace(told, check=check, suppressions=suppressions)


def without_suppressed(
    report: Report, problem: Problem | None, targets: Sequence[Target], told: RunOptions
) -> tuple[Report, Problem | None]:
    """The report without what does not count, and what kept the command from its work: a baseline not written, too.

    Args:
        report: the engine's.
        problem: what cut the run short.
        targets: what was to be checked.
        told: the options, with the baseline's entries.
    """
    suppressions = told.suppressions
    sources = _sources(report)
    # a run that stopped at a layer that counts may have left others out
    stopped = any(map(told.check.stops_at, report.layers))
    scope = _scope(targets, told, ended_early=stopped or problem is not None)
    if not told.write_baseline or suppressions.baseline is None or problem is not None:
        return suppressed(report, suppressions, sources, scope), problem
    baseline = renewed(report, suppressions, suppressions.baseline, sources, scope)
    try:
        write_baseline(baseline)
    except UserError as error:
        return suppressed(report, suppressions, sources, scope), from_user_error(error)
    after = suppressed(report, replace(suppressions, baseline=baseline), sources, scope)
    entries = counted(len(baseline.counts), "entry", "entries")
    return replace(after, notes=(*after.notes, f"Wrote {baseline.file.name}: {entries}.")), None


def _counts(suppressions: Suppressions, layer: LayerReport) -> bool:
    report = Report(__version__, 0, "", (layer,))
    (after,) = suppressed(report, suppressions, _sources(report), Scope(ended_early=True)).layers
    return after.status is not Status.PASS


def _scope(targets: Sequence[Target], told: RunOptions, *, ended_early: bool) -> Scope:
    if ended_early:
        return Scope(ended_early=True)
    whole = [target.path for target in targets if target.name is None]
    return Scope(
        files=frozenset(file for path in whole for file in _files(path)),
        folders=tuple(path.resolve() for path in whole if path.is_dir()),
        unsought=frozenset() if told.check.settings.stress else _NEED_STRESS,
    )


def _files(path: Path) -> Iterable[Path]:
    with contextlib.suppress(UserError):  # gone while it was checked
        yield from expand(path)


def _sources(report: Report) -> dict[str, str]:
    paths = dict.fromkeys([layer.path for layer in report.layers] + [finding.path for finding in report.findings])
    return dict(_read(paths))


def _read(paths: Iterable[str]) -> Iterable[tuple[str, str]]:
    """The text of each file that can be read, in the encoding that it declares."""
    for path in paths:
        try:
            content = Path(path).read_bytes()
            encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
            yield path, content.decode(encoding)
        except (OSError, SyntaxError, UnicodeError, ValueError):
            continue  # what cannot be read was not checked either, and is an error of its own
