"""What the commands share that show one function: its place, values that are given for it, where the picture goes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from gradcheck_cli.cli.delivery import write_whole
from gradcheck_cli.cli.exit_codes import ExitCode
from gradcheck_cli.cli.failures import empty_json, from_internal_error, from_user_error, say
from gradcheck_cli.cli.given import RunOptions, from_command_line, run_options
from gradcheck_cli.cli.output import Output
from gradcheck_cli.cli.terminal import page_console, page_text
from gradcheck_cli.cli.values import choice
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.targets import parse

Shown = TypeVar("Shown")
Printer = Callable[[Shown, Console], None]
Writer = Callable[[Shown], str]


def function_at(target: str, command: str, what: str = "FUNCTION") -> tuple[Path, str]:
    """The file and the name that `PATH::FUNCTION` says.

    Raises:
        UserError: where it says less, or there is no such file.
    """
    path, name = parse(target)
    if name is None:
        raise UserError(f"`{target}` does not say which {what.lower()}", mend=f"gradcheck {command} {target}::{what}")
    if not path.is_file():
        raise UserError(f"there is no file `{path}`", mend="name a Python file")
    return path, name


def values_at(told: Sequence[str]) -> dict[str, Any]:
    """`x=-1,-2`, `w=[[1, 2], [3, 4]]`, `b=2`: numbers, or nested lists of them, by name.

    Raises:
        UserError: for anything else.
    """
    return dict(map(_value, told))


def _value(told: str) -> tuple[str, Any]:
    name, equals, text = told.partition("=")
    mend = "--at x=-1,-2"
    if not equals or not name.strip():
        raise UserError(f"`--at {told}` is not NAME=VALUE", mend=mend)
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not _is_numeric(value):
        raise UserError(f"`--at {told}`: `{text}` is no number and no list of numbers", mend=mend)
    return name.strip(), value


def _is_numeric(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_numeric, value))
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Drawing:
    """One command that shows one function.

    Args:
        command: its name.
        printers: by format, what prints it for a person.
        writers: by format, what makes a document of it.
        endings: of files, and the formats that they mean.
        code: what the command ends with once it has shown something.
    """

    def __init__(
        self,
        command: str,
        printers: Mapping[str, Callable[[], Printer[Any]]],
        writers: Mapping[str, Callable[[], Writer[Any]]],
        endings: Mapping[str, str],
        code: Callable[[Any], ExitCode] = lambda _: ExitCode.PASSED,
    ) -> None:
        self._command = command
        self._printers, self._writers, self._endings = printers, writers, endings
        self._code = code

    def perform(
        self,
        make: Callable[[RunOptions], Any],
        inputs: Mapping[str, Any],
        format_: str | None,
        file: str | None,
    ) -> ExitCode:
        """Check the options, make what is shown, and show it; what goes wrong is said."""
        output, path = Output(), Path(file) if file else None
        form = format_ or (self._endings.get(path.suffix.lower(), "table") if path else "table")
        try:
            if format_:
                choice(from_command_line({"format": format_})["format"], (*self._printers, *self._writers))
            shown = make(run_options(from_command_line(inputs), {}))
            self._show(shown, form, output, path)
            return self._code(shown)
        except UserError as error:
            problem = from_user_error(error)
        except Exception as error:
            problem = from_internal_error(error)
        is_usage = problem.kind == "usage" and problem.path is None
        say(problem, f"Try `gradcheck {self._command} --help`." if is_usage else "")
        if form == "json":
            output.write(empty_json(problem))
        return ExitCode.UNABLE

    def _show(self, shown: Any, form: str, output: Output, file: Path | None) -> None:
        if form in self._printers:
            is_terminal = output.is_terminal and file is None
            console = page_console(output.encoding, is_terminal=is_terminal, is_file=file is not None)
            self._printers[form]()(shown, console)
            text = page_text(console)
        else:
            text = self._writers[form]()(shown)
        if file is None:
            output.write(text, is_document=form not in self._printers)
            return
        try:
            write_whole(file, text)
        except OSError as error:
            raise UserError(
                f"`{file}` cannot be written: {error.strerror or error}", mend="name another file"
            ) from None
