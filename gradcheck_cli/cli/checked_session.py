"""A Python file for `gradcheck inspect`: its layers are checked as `gradcheck run` checks them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradcheck_cli.checking.options import Target
from gradcheck_cli.cli.configuration import read_configuration
from gradcheck_cli.cli.given import CONFIGURABLE, from_command_line, run_options
from gradcheck_cli.cli.suppressing import with_baseline, without_suppressed
from gradcheck_cli.errors import UserError
from gradcheck_cli.isolation.live_session import LiveSession
from gradcheck_cli.layers.targets import expand, parse
from gradcheck_cli.report.model import Report
from gradcheck_cli.report.problem import Problem

_OF_THE_REPORT = frozenset({"format", "output", "verbose", "quiet", "fail-fast", "workers", "cache"})
"""Options of a configuration file that say nothing of how a layer is checked, or keep layers from being checked."""

_NOT_WHOLE = Problem("interrupted", "not all layers are checked")


def checked_session(target: str, options: Mapping[str, Any]) -> LiveSession:
    """The layers of a target, to be opened: `open` checks them, with the configuration's options.

    Raises:
        UserError: for a path that is not there. `open` raises one, too, where there is no layer to be looked at.
    """
    asked = Target(*parse(target))
    if not asked.path.is_dir():
        expand(asked.path)
    return _session(asked, options)


def woken_session(report: Report, here: Mapping[str, Path]) -> LiveSession:
    """The layers of a saved run, to be checked again as they were: with its options, as far as it tells them.

    Args:
        here: where its modules lie.

    Raises:
        UserError: for a configuration that cannot be read.
    """
    told = next((layer.reproduce for layer in report.layers if layer.reproduce), "")
    options = {"seed": report.seed, "device": report.device, **_options_in(told)}
    return _session(Target(next(iter(here.values()))), options)


def _options_in(command: str) -> dict[str, Any]:
    """Of the check, in a command of `gradcheck run`; none where it is something else."""
    from typer.main import get_command

    from gradcheck_cli.cli.application import application
    from gradcheck_cli.cli.inspect import OF_THE_CHECK

    try:
        words = shlex.split(command)
        if words[:2] != ["gradcheck", "run"]:
            return {}
        given = get_command(application).commands["run"].make_context("run", words[2:], resilient_parsing=True).params  # type: ignore[attr-defined]
    except Exception:  # whatever is in a file
        return {}
    return {name: value for name, value in given.items() if name in OF_THE_CHECK and value not in (None, [], ())}


def _session(asked: Target, options: Mapping[str, Any]) -> LiveSession:
    configured = read_configuration([asked.path], CONFIGURABLE)
    of_the_check = {option: given for option, given in configured.items() if option not in _OF_THE_REPORT}
    told = with_baseline(run_options(from_command_line(options), of_the_check))

    def counted(report: Report, is_whole: bool) -> Report:
        after = without_suppressed(report, None if is_whole else _NOT_WHOLE, [asked], told)[0]
        if is_whole and not after.layers:
            raise _nothing(after, asked)
        return after

    return LiveSession(asked, told.check, told.workers, counted)


def _nothing(report: Report, target: Target) -> UserError:
    """Why there is no layer to be looked at."""
    for finding in (*report.errors, *(one.finding for one in report.suppressed)):
        return UserError(finding.message, path=Path(finding.path), line=finding.line, mend=finding.mend)
    return UserError(
        f"no layers in `{target.path}`: a layer is a forward with a hand-written backward, such as `affine_forward` "
        "with `affine_backward`, or a class with both methods",
        path=target.path,
        mend=f"gradcheck list {target.path}",
    )
