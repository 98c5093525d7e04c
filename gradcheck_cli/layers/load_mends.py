"""What to write or do about a module that does not import."""

from __future__ import annotations

import ast
import sys
import traceback
from pathlib import Path
from types import CodeType

from gradcheck_cli.layers import search
from gradcheck_cli.layers.reading import read_source
from gradcheck_cli.layers.users_code import Place

_GUARD = '`if __name__ == "__main__":`'
_NOTEBOOKS_OWN = ("get_ipython", "display")
_NEEDED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
"""Statements of a module that its layers cannot do without."""


def mend(error: BaseException, place: Place, name: str) -> str | None:
    """The very thing to do about what the module `name` raised while it was imported; None where nothing is known."""
    match error:
        case SystemExit():
            return f"put what runs as a script under {_GUARD}"
        case ModuleNotFoundError(name=str(missing)) if missing:
            top, _, inner = missing.partition(".")
            if inner and (taken := getattr(sys.modules.get(top), "__path__", None)):
                where = f"`{top}` is taken from `{next(iter(taken), '')}`, which has no `{inner}`"
                return f"{where}: where another `{top}` is meant, that folder hides it"
            if (homes := search.homes(top, place.path)) and top != name:
                return f"`{top}` lies in `{homes[0]}`: run with `PYTHONPATH={homes[0]}`"
            if top == name or (place.path.parent / top).exists() or (place.project / top).exists():
                return f"check where `{missing}` lies: `{place.project}` is where this project's modules are looked for"
            return f"install it: `pip install {top}`"
        case ImportError() if "circular import" in str(error):
            return "two modules import each other: move one of the imports into the function that needs it"
        case ImportError() if "relative import" in str(error):
            return f"put an `__init__.py` into `{place.path.parent}` to make it a package, or import without the dot"
        case EOFError():
            return f"put what asks for input under {_GUARD}"
        case NameError(name=str(missing)) if missing in _NOTEBOOKS_OWN:
            return f"`{missing}` is there in a notebook only: take that line out, or put it under {_GUARD}"
        case FileNotFoundError(filename=str(file)) if not Path(file).is_absolute() and _is_of_the_script(error, place):
            return f"run `gradcheck` in the folder that `{file}` is in, or put what reads it under {_GUARD}"
        case Exception() if not isinstance(error, SyntaxError) and _is_of_the_script(error, place):
            return f"correct that line; if no layer needs it, put it under {_GUARD}"
        case _:
            return None


def _is_of_the_script(error: BaseException, place: Place) -> bool:
    """Whether it came out of a statement of the module that does something, and defines or imports nothing."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if _is_top(frame.f_code, place)]
    if not lines:
        return False
    try:
        statements = ast.parse(read_source(place.path)).body
    except Exception:  # it has been deleted or edited since
        return False
    return any(
        statement.lineno <= lines[0] <= (statement.end_lineno or 0) and not isinstance(statement, _NEEDED)
        for statement in statements
    )


def _is_top(code: CodeType, place: Place) -> bool:
    return code.co_name == "<module>" and Path(code.co_filename) == place.path
