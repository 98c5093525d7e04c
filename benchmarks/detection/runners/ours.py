"""gradcheck, with its default options (but for the shrinking of what it found, which is no part of finding it)."""

from __future__ import annotations

from pathlib import Path

from benchmarks.detection.runners.outcome import Outcome, Said
from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status

_SAID = {
    Status.PASS: Said.RIGHT,
    Status.FAIL: Said.WRONG,
    Status.INCONCLUSIVE: Said.INCONCLUSIVE,
    Status.ERROR: Said.FAILED,
}


def gradcheck(path: Path, layer: str, inputs: InputOptions) -> Outcome:
    """`gradcheck run PATH::LAYER`, in this process."""
    report = check_targets([Target(path, layer)], CheckOptions(inputs, Settings(shrink=False, diagnose=False)))
    if len(report.layers) != 1:
        return Outcome(Said.FAILED, report.seconds, "; ".join(error.message for error in report.errors))
    one = report.layers[0]
    return Outcome(_said(one), report.seconds, _words(one))


def _said(report: LayerReport) -> Said:
    # a backward that raises is found: exit code 2, with the user's own error and line
    raised = report.status is Status.ERROR and any(finding.code == "GC502" for finding in report.findings)
    return Said.WRONG if raised else _SAID[report.status]


def _words(report: LayerReport) -> str:
    if report.findings:
        return ", ".join(dict.fromkeys(f"{finding.code}" for finding in report.findings)) + _first(report)
    return "; ".join(f"{argument.name}: {argument.why}" for argument in report.arguments if argument.why)


def _first(report: LayerReport) -> str:
    return f" ({report.findings[0].message})"
