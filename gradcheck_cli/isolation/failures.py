"""A request that was not answered, as a finding: what happened to its process, and on which line."""

from __future__ import annotations

import signal
from pathlib import Path

from gradcheck_cli.isolation.messages import LOADING
from gradcheck_cli.isolation.pool import Failure
from gradcheck_cli.layers.importing import is_library
from gradcheck_cli.report.model import Finding

_MEANINGS = {
    "SIGSEGV": "segmentation fault",
    "SIGBUS": "bus error",
    "SIGABRT": "aborted",
    "SIGFPE": "arithmetic fault",
    "SIGILL": "illegal instruction",
    "SIGKILL": "killed",
    "SIGTERM": "terminated",
}


def failed(failure: Failure, subject: str, path: Path, line: int) -> Finding:
    """GC504 or GC505.

    Args:
        subject: the layer's or module's name.
        path, line: where it is defined: said where its process left no last line of the user's.
    """
    last = failure.words.line_of(_is_users)
    code = "GC504" if failure.kind == "timeout" else "GC505"
    what, mend = _told(failure, subject)
    message = f"{what} while {failure.doing}" if failure.doing == LOADING else what
    if last is not None:
        message += f"; the last line run was {last[0].name}:{last[1]}"
    where, at = last or (path, line)
    return Finding(code, message, str(where), at, mend=mend)


def _told(failure: Failure, subject: str) -> tuple[str, str]:
    if failure.kind == "timeout":
        smaller = "" if failure.doing == LOADING else "; `--dim` and `--shape` make its arrays smaller"
        longer = f"`--timeout {max(round(2 * failure.limit), 1)}` gives it longer"
        return f"`{subject}` ran past its limit of {failure.limit:g} s", f"{longer}{smaller}"
    if failure.kind == "memory":
        return (
            f"`{subject}` used more than its limit of {size(failure.limit)} of memory",
            f"`--memory {size(2 * failure.limit).replace(' ', '')}` gives it more; `--dim` and `--shape` make its "
            "arrays smaller",
        )
    if failure.words.exit_status is not None:
        return (
            f"`{subject}` ended its process by `os._exit({failure.words.exit_status})`",
            "raise an exception in place of `os._exit`",
        )
    if failure.exit_code is not None and failure.exit_code < 0:
        name = _signal_name(-failure.exit_code)
        meaning = f" ({_MEANINGS[name]})" if name in _MEANINGS else ""
        return f"`{subject}` took its process down with {name}{meaning}", _mend(name)
    if failure.exit_code is None:
        return f"`{subject}` closed the files of its process", "close only what the layer has opened itself"
    return (
        f"`{subject}` ended its process with exit code {failure.exit_code}",
        "raise an exception in place of ending the process",
    )


def _mend(name: str) -> str:
    if name == "SIGKILL":
        return "something outside killed it, most likely the system for want of memory: make its arrays smaller"
    return "look at the compiled code that this line calls, and at the shapes and dtypes that it is given"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _is_users(path: Path) -> bool:
    return path.is_absolute() and path.suffix == ".py" and not is_library(path)


def size(amount: float) -> str:
    """`2 GB`, `512 MB`: powers of 1,024, as `--memory` reads them."""
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20)):
        if amount >= factor:
            return f"{amount / factor:.3g} {unit}"
    return f"{amount / 1024:.3g} KB"
