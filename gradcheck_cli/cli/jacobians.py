"""What `gradcheck jacobian` does once its command line is parsed: the Jacobians from a worker, and the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from gradcheck_cli.checking.jacobian_options import JacobianOptions
from gradcheck_cli.cli.drawing import Drawing, function_at, values_at
from gradcheck_cli.cli.exit_codes import ExitCode
from gradcheck_cli.cli.given import RunOptions
from gradcheck_cli.cli.signals import ended_by_signals
from gradcheck_cli.isolation.apart import Apart
from gradcheck_cli.report.jacobian.model import Jacobians


def perform(
    target: str, at: Sequence[str], inputs: Mapping[str, Any], format_: str | None, output: str | None
) -> ExitCode:
    """Compute and show them."""

    def make(told: RunOptions) -> Jacobians:
        path, name = function_at(target, "jacobian")
        with ended_by_signals(), Apart(replace(told.workers, count=1)) as apart:
            return apart.jacobians(path, name, JacobianOptions(told.check.inputs, values_at(at)))

    drawing = Drawing("jacobian", {"table": _table}, {"json": _json}, {".json": "json", ".txt": "table"})
    return drawing.perform(make, inputs, format_, output)


def _table() -> Callable[[Jacobians, Console], None]:
    from gradcheck_cli.report.jacobian.table import print_jacobians

    return lambda jacobians, console: print_jacobians(jacobians, console, Path.cwd())


def _json() -> Callable[[Jacobians], str]:
    from gradcheck_cli.report.jacobian.json import jacobians_json

    return jacobians_json
