"""Running the user's code: whatever it raises becomes an error of ours, with the user's own words and line."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers import importing
from gradcheck_cli.layers.copies import leave_if_copied
from gradcheck_cli.layers.module import Module


class PassThrough(BaseException):
    """Base of exceptions that a later stage's own arrays raise inside the user's code: never turned into an error."""


@dataclass(frozen=True)
class Place:
    """Where the user's code is: for errors that name no deeper line.

    Attributes:
        path: the user's file.
        project: the folder whose files are the user's own.
    """

    path: Path
    project: Path

    @classmethod
    def of(cls, module: Module) -> Place:
        """The place of a module's code."""
        return cls(module.path, module.project)

    def error(self, message: str, *, line: int | None, mend: str | None = None) -> UserError:
        """A GC502 (cannot run) at a line of the user's file."""
        return UserError(message, code="GC502", path=self.path, line=line, mend=mend)


@contextmanager
def users_code(what: str, place: Place, line: int | None, inputs: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Run the user's code inside; `what` names it (`affine_forward`), `line` is its definition.

    Floating-point warnings are the user's affair and are not printed; what is not finite is judged later.

    Raises:
        UserError: GC502, for anything that the code raises, `sys.exit()` included, with the deepest line in the
            user's own files and the inputs' shapes. The user's exception is its `__cause__`.
    """
    importing.resume(place.project)
    deepest = sys.getrecursionlimit()
    try:
        with quiet():
            yield
    except (UserError, KeyboardInterrupt, GeneratorExit, PassThrough):
        raise
    except BaseException as error:
        raise _cannot_run(error, what, place, line, inputs) from error
    finally:
        leave_if_copied()
        put_right(deepest)


def put_right(deepest: int) -> None:
    """After the user's code: what checks it can import, and call as deeply as before."""
    importing.put_right()
    if sys.getrecursionlimit() < deepest:
        sys.setrecursionlimit(deepest)


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of Python's or NumPy's inside. Entered once around many calls, it costs each nothing."""
    if _is_quiet.get():
        yield
        return
    token = _is_quiet.set(True)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        _is_quiet.reset(token)


_is_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@dataclass(frozen=True)
class Call:
    """One call of the user's code, with the very objects that went in and came out."""

    function: Callable[..., Any]
    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]
    returned: Any


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """The calls that `run` makes inside, in order: how a layer is used, whatever convention it is written in."""
    calls: list[Call] = []
    token = _calls.set(calls)
    try:
        yield calls
    finally:
        _calls.reset(token)


_calls: ContextVar[list[Call] | None] = ContextVar("calls", default=None)


def run(
    function: Callable[..., Any],
    positional: Sequence[Any],
    keywords: Mapping[str, Any],
    *,
    what: str,
    place: Place,
    line: int | None,
    inputs: Mapping[str, Any],
) -> Any:
    """Call the user's function; see `users_code`, of which this is the quick form."""
    if not _is_quiet.get():
        with quiet():
            return run(function, positional, keywords, what=what, place=place, line=line, inputs=inputs)
    importing.resume(place.project)
    deepest = sys.getrecursionlimit()
    try:
        returned = function(*positional, **keywords)
    except (UserError, KeyboardInterrupt, PassThrough):
        raise
    except BaseException as error:
        raise _cannot_run(error, what, place, line, inputs) from error
    finally:
        leave_if_copied()
        put_right(deepest)
    if (calls := _calls.get()) is not None:
        calls.append(Call(function, tuple(positional), dict(keywords), returned))
    return returned


def _cannot_run(
    error: BaseException, what: str, place: Place, line: int | None, inputs: Mapping[str, Any] | None
) -> UserError:
    path, raised_at = deepest_line(error.__traceback__, place)
    given = f"; inputs: {describe(inputs)}" if inputs else ""
    return UserError(
        f"`{what}` {raised(error)}{given}",
        code="GC502",
        path=path or place.path,
        line=raised_at if path else line,
        mend=_mend(error),
    )


def raised(error: BaseException) -> str:
    """`raised ValueError: shapes (4,5) and (6,3) not aligned`: the user's own error, in one line."""
    if isinstance(error, SystemExit):
        return f"called `sys.exit({'' if error.code is None else repr(error.code)})`"
    try:
        text = " ".join(str(error).split())
    except BaseException:
        text = ""
    if len(text) > 400:
        text = text[:400] + " ..."
    return f"raised {type(error).__name__}" + (f": {text}" if text else "")


def deepest_line(trace: TracebackType | None, place: Place) -> tuple[Path | None, int | None]:
    """The innermost line of a traceback that lies in the user's own files; (None, None) where none does."""
    found: tuple[Path | None, int | None] = (None, None)
    for frame, line in traceback.walk_tb(trace):
        path = Path(frame.f_code.co_filename)
        if is_users_file(path, place):
            found = (path, line)
    return found


def is_users_file(path: Path, place: Place) -> bool:
    """Whether a file is the user's own: the file itself, or one in its project that is no installed library."""
    if path == place.path:
        return True
    if not path.is_absolute() or importing.is_library(path):
        return False
    return path.is_relative_to(place.project)


def describe(inputs: Mapping[str, Any]) -> str:
    """`x (4, 5) float64, w (6, 3) float64, conv_param {'stride': 1}`: names and shapes, for an error."""
    return ", ".join(f"{name} {_shape(value)}" for name, value in inputs.items())


def _shape(value: Any, depth: int = 0) -> str:
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple) and dtype is not None:
        return f"{tuple(int(size) for size in shape)} {dtype}"
    if isinstance(value, Mapping) and depth < 3:
        return "{" + ", ".join(f"{key!r}: {_shape(item, depth + 1)}" for key, item in list(value.items())[:8]) + "}"
    if isinstance(value, (list, tuple)) and depth < 3:
        return "[" + ", ".join(_shape(item, depth + 1) for item in value[:8]) + "]"
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return repr(value)
    return type(value).__name__


def _mend(error: BaseException) -> str | None:
    if isinstance(error, SystemExit):
        return "raise an exception, or return a value, in place of `sys.exit()`"
    if isinstance(error, NotImplementedError):
        return "write it; it is still a stub"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"install `{error.name.partition('.')[0]}`"
    return None
