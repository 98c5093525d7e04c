"""Engines that stand in for the real one, in the real command in a process of its own.

`python -m tests.cli.engines SCENARIO run PATH ...` is `gradcheck run PATH ...` with the engine SCENARIO.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from gradcheck_cli.checking import CheckOptions, Progress, Target
from gradcheck_cli.cli import main
from gradcheck_cli.errors import UserError
from gradcheck_cli.isolation.apart import Apart
from gradcheck_cli.report.model import Report
from tests.report import reports

Engine = Callable[[Sequence[Target], CheckOptions, Progress], Report]


def _two_layers_then(error: BaseException) -> Engine:
    def engine(targets: Sequence[Target], options: CheckOptions, progress: Progress) -> Report:
        for position, layer in enumerate((reports.layer(), reports.mismatch())):
            progress.layer_started(layer.name, position, 5)
            progress.step(layer.name, "draw 1 of 3")
            progress.layer_finished(layer)
        raise error

    return engine


def _echo(targets: Sequence[Target], options: CheckOptions, progress: Progress) -> Report:
    """Says in the report what it was told."""
    return reports.report(notes=(repr(targets), repr(options)))


def _returning(report: Report) -> Engine:
    return lambda targets, options, progress: report


ENGINES: dict[str, Engine] = {
    **{name: _returning(report) for name, report in reports.ALL.items()},
    "failing_beside_an_error": _returning(reports.report(reports.mismatch(), reports.error())),
    "interrupted": _two_layers_then(KeyboardInterrupt()),
    "crashing": _two_layers_then(ZeroDivisionError("it was zero")),
    "no_device": _two_layers_then(UserError("there is no GPU here", mend="--device cpu")),
    "echo": _echo,
}


def run(scenario: str) -> None:
    """The command that `sys.argv` says, with this engine."""
    stand_in = ENGINES[scenario]

    def check(
        self: Apart,
        targets: Sequence[Target],
        options: CheckOptions,
        progress: Progress,
        memory: object = None,
        keep: object = None,
        edited: object = None,
        reading: object = None,
        is_again: bool = False,
    ) -> Report:
        return stand_in(targets, options, progress)

    Apart.check = check  # type: ignore[method-assign]
    main()


if __name__ == "__main__":
    run(sys.argv.pop(1))
