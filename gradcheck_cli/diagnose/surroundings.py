"""The function that a blamed line stands in, as it is written."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace

from gradcheck_cli.diagnose.cause import Cause

MOST_LINES = 400
"""A function longer than this is not taken along."""


def with_surroundings(causes: Sequence[Cause], read: Callable[[str], str]) -> tuple[Cause, ...]:
    """The causes, each blamed line with the function it stands in.

    Args:
        read: the text of a file of the user's.
    """
    found = []
    for cause in causes:
        blame = cause.blame
        if blame is not None:
            blame = replace(blame, forward=function_at(read(blame.path), blame.line))
        found.append(replace(cause, blame=blame))
    return tuple(found)


def function_at(source: str, line: int) -> tuple[tuple[int, str], ...]:
    """The numbered lines of the innermost function that holds `line`, without its docstring; () where there is none."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    if not functions:
        return ()
    innermost = max(functions, key=lambda node: node.lineno)
    last = innermost.end_lineno or innermost.lineno
    if last - innermost.lineno >= MOST_LINES:
        return ()
    left_out = _docstring(innermost)
    lines = source.splitlines()
    return tuple((number, lines[number - 1]) for number in range(innermost.lineno, last + 1) if number not in left_out)


def _docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> range:
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is None:
        return range(0)
    start = first.lineno
    return range(start, (first.end_lineno or start) + 1)
