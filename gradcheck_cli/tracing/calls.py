"""Which call of which function each step of a forward belongs to, and what the user calls its value.

While a forward is traced, every call of a function of the user's opens a scope in JAX's own name stack, so that each
equation of the trace says where it comes from (`neuron#1/sigmoid#2`); and as a function returns, its local variables
are named by an equation that does nothing (`name`), which `names_of` reads and pruning drops.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

import jax
from jax.ad_checkpoint import checkpoint_name

from gradcheck_cli.tracing.dual import DualArray

_PREFIX = "gradcheck:"
"""Marks our `name` equations among the user's own."""


@dataclass(frozen=True)
class Call:
    """One call of a function: its name, and a number that no other call of the trace has."""

    function: str
    number: int


@contextlib.contextmanager
def following_calls(files: frozenset[str]) -> Iterator[None]:
    """Inside, calls of functions from these files are written into the trace."""
    follower = _Follower(files)
    before = sys.getprofile()
    sys.setprofile(follower.heard)
    try:
        yield
    finally:
        sys.setprofile(before if callable(before) else None)  # a profiler in C cannot be set again
        follower.leave_all()


class _Follower:
    """Hears of calls and returns; a lambda or a comprehension is a part of the function that it stands in."""

    def __init__(self, files: frozenset[str]) -> None:
        self._files = files
        self._open: list[tuple[FrameType, Any]] = []
        self._count = 0

    def heard(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename in self._files and not frame.f_code.co_name.startswith("<"):
            self._count += 1
            scope = jax.named_scope(f"{frame.f_code.co_name}#{self._count}")
            scope.__enter__()
            self._open.append((frame, scope))
        elif event == "return" and self._open and self._open[-1][0] is frame:
            if argument is not None:  # None after an exception, and where nothing is returned
                _name_locals(frame)
            self._open.pop()[1].__exit__(None, None, None)

    def leave_all(self) -> None:
        while self._open:
            self._open.pop()[1].__exit__(None, None, None)


def _name_locals(frame: FrameType) -> None:
    for name, value in list(frame.f_locals.items()):
        for text, item in _inside(name, value):
            tracer = item.tracer if isinstance(item, DualArray) else item
            if isinstance(tracer, jax.core.Tracer) and tracer.dtype.kind in "fc":
                with contextlib.suppress(Exception):  # a tracer of another trace
                    checkpoint_name(tracer, f"{_PREFIX}{text}")


def _inside(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (list, tuple)) and len(value) <= 64:
        for position, item in enumerate(value):
            yield f"{name}[{position}]", item
    elif isinstance(value, Mapping) and len(value) <= 64:
        for key, item in value.items():
            yield f"{name}[{key!r}]", item
    else:
        yield name, value


def names_of(jaxpr: Any) -> dict[Any, str]:
    """By variable of a traced jaxpr, what the user calls it: the name in the outermost function that has one."""
    found: dict[Any, tuple[int, str]] = {}
    for equation in jaxpr.eqns:
        if equation.primitive.name != "name" or not equation.params["name"].startswith(_PREFIX):
            continue
        name, depth = equation.params["name"].removeprefix(_PREFIX), len(calls_of(equation))
        variable = equation.invars[0]
        if hasattr(variable, "val"):  # a constant
            continue
        plain = "[" not in name
        rank = depth * 2 + (not plain)
        if variable not in found or rank < found[variable][0]:
            found[variable] = (rank, name)
    return {variable: name for variable, (_, name) in found.items()}


def calls_of(equation: Any) -> tuple[Call, ...]:
    """The calls that an equation was made in, the outermost first; scopes that the user has named himself count too."""
    calls = []
    for part in str(equation.source_info.name_stack).split("/"):
        # transformations wrap what they enter: `vmap(step#3)`
        inner = re.sub(r"^(?:\w+\()+|\)+$", "", part)
        function, _, number = inner.partition("#")
        if function:
            calls.append(Call(function, int(number) if number.isdigit() else 0))
    return tuple(calls)


@dataclass(frozen=True)
class Place:
    """Where in the user's source a step is.

    Attributes:
        columns: of the expression: first line and column, last line and column, from 0 and in bytes; None where not
            known.
    """

    path: str
    line: int
    columns: tuple[int, int, int, int] | None = None


def place_of(equation: Any, files: frozenset[str]) -> Place | None:
    """The innermost place in these files that made an equation; None where none did."""
    return next(_places_of(equation, files), None)


def places_of(equation: Any, files: frozenset[str]) -> tuple[Place, ...]:
    """All places in these files that led to an equation, the innermost first."""
    return tuple(_places_of(equation, files))


def _places_of(equation: Any, files: frozenset[str]) -> Iterator[Place]:
    traceback = equation.source_info.traceback
    if traceback is None:
        return
    codes, offsets = traceback.raw_frames()
    for code, offset in zip(codes, offsets):
        if code.co_filename in files:
            line, last, column, end = next(itertools.islice(code.co_positions(), offset // 2, None))
            columns = None if None in (line, last, column, end) else (line, column, last, end)
            yield Place(code.co_filename, line or code.co_firstlineno, columns)
