"""From a few lines of a user's module to the report on its one layer."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Finding, LayerReport

SHAPES = '"""\n- x: of shape (N, D)\n- w: of shape (D, M)\n"""'


def report_on(folder: Path, text: str, **options: Any) -> LayerReport:
    """The report on the one layer of a module with this text."""
    path = package(folder) / "users_layers.py"
    path.write_text("import numpy as np\n\n" + textwrap.dedent(text))
    inputs = InputOptions(draws=options.pop("draws", 1), **options)
    report = check_targets([Target(path)], CheckOptions(inputs, Settings(shrink=False)))
    assert not report.errors, report.errors
    (layer,) = report.layers
    return layer


def package(folder: Path) -> Path:
    """The folder that the module is put in: the one above it is its project."""
    made = folder / "project" / "package"
    made.mkdir(parents=True, exist_ok=True)
    return made


def pair(forward: str, backward: str, before: str = "", arguments: str = "x") -> str:
    """A function pair `f_forward`, `f_backward(dout, cache)` of these bodies."""
    shapes = {"x": "(N, D)", "w": "(D, M)", "y": "(N, D)"}
    described = "\n".join(f"    - {name.strip()}: of shape {shapes[name.strip()]}" for name in arguments.split(","))
    lines = [before, f"def f_forward({arguments}):", f'    """\n{described}\n    """']
    lines += [f"    {line}" for line in forward.strip().splitlines()]
    lines += ["", "def f_backward(dout, cache):"]
    lines += [f"    {line}" for line in backward.strip().splitlines()]
    return "\n".join(lines) + "\n"


def only(layer: LayerReport) -> Finding:
    """The one finding of a report."""
    assert len(layer.findings) == 1, [f"{finding.code} {finding.message}" for finding in layer.findings]
    return layer.findings[0]


def line_of(folder: Path, part: str) -> int:
    """The line of the module that this text is on."""
    lines = (package(folder) / "users_layers.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if part in line)
