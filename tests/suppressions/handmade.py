"""Layers and findings with the places that suppressions go by, without running anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gradcheck_cli.report.model import Finding, LayerReport, Report, Status
from gradcheck_cli.suppressions.apply import suppressed
from gradcheck_cli.suppressions.scope import Scope
from gradcheck_cli.suppressions.told import Suppressions
from tests.report import reports

PATH = "/project/layers.py"
WHOLE = Scope(folders=(Path("/project"),))

SOURCE = """\
def affine_forward(x, w):
    return x @ w, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout


def scale_forward(x):
    return 2 * x, None


def scale_backward(dout, cache):
    return 2 * dout
"""
LINES = {"affine": (5, 1), "scale": (14, 10)}
"""By layer: its backward's line, its forward's."""


def finding(code: str, line: int | None = 5, argument: str | None = None, path: str = PATH) -> Finding:
    return Finding(code, f"{code} is broken", path, line, argument)


def layer(name: str = "affine", *findings: Finding, **changes: object) -> LayerReport:
    """A layer of `SOURCE` with these findings; with none it passes."""
    line, forward_line = LINES.get(name, (1, None))
    errors = [one for one in findings if one.code.startswith("GC5")]
    status = Status.PASS if not findings else Status.ERROR if len(errors) == len(findings) else Status.FAIL
    made = reports.layer(
        name, path=PATH, line=line, forward_line=forward_line, status=status, findings=findings, arguments=()
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def both(*codes: str) -> tuple[LayerReport, LayerReport]:
    """Both layers of `SOURCE`, each with these findings on its backward's line."""
    return (
        layer("affine", *(finding(code, LINES["affine"][0]) for code in codes)),
        layer("scale", *(finding(code, LINES["scale"][0]) for code in codes)),
    )


def after(
    report: Report | LayerReport | tuple[LayerReport, ...],
    told: Suppressions | None = None,
    source: str = SOURCE,
    scope: Scope = WHOLE,
) -> Report:
    """The report without what does not count."""
    if isinstance(report, LayerReport):
        report = (report,)
    if isinstance(report, tuple):
        report = reports.report(*report)
    return suppressed(report, told or Suppressions(), {PATH: source}, scope)


def with_comment(line: int, comment: str, source: str = SOURCE) -> str:
    """The source with a comment at the end of a line."""
    lines = source.splitlines()
    lines[line - 1] += f"  {comment}"
    return "\n".join(lines) + "\n"


def hidden(report: Report) -> dict[str, list[str]]:
    """By layer, the codes that do not count."""
    return {layer.name: [one.finding.code for one in layer.suppressed] for layer in report.layers}


def left(report: Report) -> dict[str, list[str]]:
    """By layer, the codes that count."""
    return {layer.name: [one.code for one in layer.findings] for layer in report.layers}


def in_vain(report: Report) -> list[tuple[int | None, str]]:
    """The lines and sentences of ignores in vain."""
    return [(one.line, one.message) for one in report.unused_ignores]
