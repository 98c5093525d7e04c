"""`assert_gradients(...)`: a check for hand-written tests, whose failure is the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gradcheck_cli.report.model import Report, Status


def assert_gradients(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    inputs: Mapping[str, Any] | Callable[..., Any] | None = None,
    *,
    strict: bool = False,
    **options: Any,
) -> Report:
    """Check one hand-written backward pass, and fail with the report where it is wrong or could not be judged.

    Args:
        forward, backward, inputs, options: as `gradcheck_cli.check` takes them.
        strict: inconclusive is a failure too.

    Returns:
        The report, of a layer that passed (or is inconclusive).

    Raises:
        AssertionError: whose message is the report.
        UserError, LayerDeclarationError: as `check`.
    """
    __tracebackhide__ = True
    from gradcheck_cli.checking.live import check

    report = check(forward, backward, inputs, **options)
    accepted = {Status.PASS} if strict else {Status.PASS, Status.INCONCLUSIVE}
    if not all(layer.status in accepted for layer in report.layers):
        raise AssertionError(as_text(report))
    return report


def as_text(report: Report) -> str:
    """What is wrong in one line, for who reads only that; then the report as `gradcheck run` prints it into a file."""
    from gradcheck_cli.cli.terminal import page_console, page_text
    from gradcheck_cli.report.escaping import one_line
    from gradcheck_cli.report.table import print_table

    console = page_console("utf-8", is_terminal=False)
    print_table(report, console, verbose=False, quiet=True, folder=Path.cwd())
    first = next(iter(report.findings), None)
    head = f"{first.code} {first.rule}: {one_line(first.message)}\n\n" if first is not None else ""
    return head + page_text(console).strip("\n")
