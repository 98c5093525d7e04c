"""Engines that stand in for the real one, in the real command in a process of its own.

`python -m tests.cli.engines SCENARIO run PATH ...` is `gradcheck run PATH ...` with the engine SCENARIO.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Sequence

from gradcheck_cli.checking import CheckOptions, Progress, Target
from gradcheck_cli.cli import main, running
from gradcheck_cli.errors import UserError
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


def _noisy(targets: Sequence[Target], options: CheckOptions, progress: Progress) -> Report:
    """Prints in every way that a module can, the last of them when the process ends."""
    import atexit

    print("from Python \x1b[31m")  # noqa: T201
    sys.stdout.write("written\n")
    sys.stdout.buffer.write(b"bytes\n")
    sys.__stdout__.write("the original\n")
    sys.__stdout__.flush()
    os.write(1, b"descriptor\n")
    library = ctypes.CDLL(None)
    library.puts(b"from C")
    os.system("echo from a child")
    atexit.register(os.write, 1, b"at the end\n")
    atexit.register(print, "at the very end")
    return reports.passing_report()


def _flooding(targets: Sequence[Target], options: CheckOptions, progress: Progress) -> Report:
    for _ in range(20_000):
        print("x" * 100)  # noqa: T201
    return reports.passing_report()


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
    "exiting": _two_layers_then(SystemExit(0)),
    "no_device": _two_layers_then(UserError("there is no GPU here", mend="--device cpu")),
    "noisy": _noisy,
    "flooding": _flooding,
    "echo": _echo,
}

if __name__ == "__main__":
    running.check_targets = ENGINES[sys.argv.pop(1)]  # type: ignore[assignment]
    main()
