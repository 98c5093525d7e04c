"""What `gradcheck inspect` does once its command line is parsed: a saved run or a module opened, and shown."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck_cli.cli.exit_codes import ExitCode, exit_code
from gradcheck_cli.cli.failures import from_internal_error, from_user_error, say
from gradcheck_cli.cli.output import Output
from gradcheck_cli.cli.signals import ended_by_signals
from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.session import Session
from gradcheck_cli.report.problem import Problem

if TYPE_CHECKING:
    from gradcheck_cli.isolation.live_session import LiveSession
    from gradcheck_cli.report.model import Report

_ZIP = b"PK"
_REPORTS = frozenset({".json", ".jsonl", ".xml", ".sarif", ".html"})
"""What `gradcheck run --output` writes: reports, without the arrays."""


_DRAWN = "✗·▾⣿"


def perform(target: str, options: Mapping[str, Any], *, plain: bool) -> ExitCode:
    """Open what is meant and show it; the exit code is that of the run which was opened."""
    try:
        with ended_by_signals(), _opened(target, options) as session:
            _show(session, plain=plain)
            if not session.is_open:
                raise KeyboardInterrupt("left before all layers were checked")  # which may be wrong
            return exit_code(session.report)
    except UserError as error:
        problem = from_user_error(error)
    except KeyboardInterrupt as interrupted:
        say(Problem("interrupted", str(interrupted) or "interrupted"))
        return ExitCode.INTERRUPTED
    except Exception as error:
        problem = from_internal_error(error)
    say(problem, "Try `gradcheck inspect --help`." if problem.kind == "usage" and problem.path is None else "")
    return ExitCode.UNABLE


@contextmanager
def _opened(target: str, options: Mapping[str, Any]) -> Iterator[Session]:
    path_told, separator, name = target.partition("::")
    path = Path(path_told)
    if _is_saved_run(path):
        session = _saved(path, name if separator else None, options)
    else:
        _refuse_report(path)
        from gradcheck_cli.cli.checked_session import checked_session

        session = checked_session(target, options)
    try:
        yield session
    finally:
        session.close()


def _saved(path: Path, name: str | None, options: Mapping[str, Any]) -> Session:
    given = [option for option, value in options.items() if value is not None and value != []]
    if given:
        raise UserError(
            f"`--{given[0].replace('_', '-')}` says how layers are checked, and `{path.name}` is a saved run",
            mend="give the Python file in its place, or leave the option out",
        )
    if not _has_jax():  # it can only be looked at then
        from gradcheck_cli.inspector.saved_session import SavedSession

        return SavedSession(path, name)
    from gradcheck_cli.cli.waking_session import WakingSession

    return WakingSession(path, name, _woken)


def _has_jax() -> bool:
    try:
        return importlib.util.find_spec("jax") is not None
    except ValueError:  # somebody keeps it from being imported
        return False


def _woken(report: Report, here: Mapping[str, Path]) -> LiveSession:
    # what checks is imported only where it is wanted: a saved run opens sooner without
    from gradcheck_cli.cli.checked_session import woken_session

    return woken_session(report, here)


def _is_saved_run(path: Path) -> bool:
    """By what it begins with; one that lost that is known by its name."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(_ZIP)) == _ZIP or path.suffix == ".npz"
    except OSError:
        return False


def _refuse_report(path: Path) -> None:
    """A report holds no arrays: there is little to look at.

    Raises:
        UserError: without a code, for a file that is one, or is neither a module nor a saved run.
    """
    if not path.is_file() or path.suffix == ".py":
        return  # a path that is not there is told by who reads it
    if path.suffix in _REPORTS or _begins_as_json(path):
        raise UserError(
            f"`{path.name}` is a report, which holds no arrays to look at",
            path=path,
            mend="keep the run with its arrays: gradcheck run PATHS --save run.npz",
        )
    raise UserError(
        f"`{path.name}` is neither a Python file nor a saved run",
        path=path,
        mend="give a `.py` file, or what `gradcheck run --save` wrote",
    )


def _begins_as_json(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(64).lstrip()[:1] == b"{"
    except OSError:
        return False


def _show(session: Session, *, plain: bool) -> None:
    why = "" if plain else _why_plain()
    if why:
        say(Problem("usage", f"{why}: shown as plain text, as `--no-tui` does"))
    if plain or why:
        from gradcheck_cli.cli.progress import Watcher, is_watched
        from gradcheck_cli.inspector.plain.pager import page

        with Watcher(visible=is_watched()) as watcher:
            session.open(watcher)
        page(session, Output().write, input if _is_terminal() else None)
        return
    # the screens are imported only where they are shown: Textual takes as long as all else
    from gradcheck_cli.inspector.app import show

    show(session)


def _why_plain() -> str:
    """Why there can be no screens here; "" where there can."""
    if not _is_terminal():
        return "this is no terminal"
    # (Windows has terminals without a name)
    name = os.environ.get("TERM", "dumb" if os.name == "posix" else "")
    if name == "dumb":
        return "the terminal is dumb (TERM)"
    encoding = Output().encoding
    try:
        _DRAWN.encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return f"the terminal's encoding, {encoding}, has no signs to draw with"
    return ""


def _is_terminal() -> bool:
    """Whether a person reads and types."""
    return Output().is_terminal and sys.stdin is not None and sys.stdin.isatty()
