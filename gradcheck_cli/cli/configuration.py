"""`[tool.gradcheck]` in the nearest `pyproject.toml`: the same options as on the command line, which wins."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from gradcheck_cli.cli.values import Given
from gradcheck_cli.errors import UserError

_FILE = "pyproject.toml"


def read_configuration(paths: Iterable[Path], known: Sequence[str]) -> dict[str, Given]:
    """The options of the nearest `pyproject.toml` that has `[tool.gradcheck]`, upward from what is checked.

    Args:
        paths: what is checked; the search begins at their common folder.
        known: the options' long names, with dashes.

    Raises:
        UserError: where the file cannot be read or is not TOML, and for an option that does not exist.
    """
    for folder in _folders(paths):
        file = folder / _FILE
        if file.is_file():
            given = _read(file, known)
            if given is not None:
                return given
    return {}


def _folders(paths: Iterable[Path]) -> list[Path]:
    """The common folder of the paths and all above it; the current one where they share none."""
    absolute = [str(path.absolute() if path.is_dir() else path.absolute().parent) for path in paths]
    try:
        start = Path(os.path.commonpath(absolute)).resolve() if absolute else Path.cwd()
    except ValueError:  # different drives
        start = Path.cwd()
    return [start, *start.parents]


def _read(file: Path, known: Sequence[str]) -> dict[str, Given] | None:
    """The table's options, None where the file has no such table."""
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"cannot read `{file.name}`: {error}", path=file, mend="make it a readable UTF-8 file"
        ) from None
    try:
        content = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        raise UserError(
            f"`{file.name}` is not TOML: {error}",
            path=file,
            line=int(place[1]) if place else None,
            mend="mend the line",
        ) from None
    tools = content.get("tool", {})
    table = tools.get("gradcheck") if isinstance(tools, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise UserError(
            "`tool.gradcheck` is not a table", path=file, mend="write `[tool.gradcheck]` and options below it"
        )
    given: dict[str, Given] = {}
    for key, value in table.items():
        option = key.replace("_", "-")
        line = _line_of(source, key)
        if option not in known:
            raise UserError(
                f"`[tool.gradcheck]` has no option `{key}`", path=file, line=line, mend=_nearest(option, known)
            )
        if option in given:
            raise UserError(f"`{option}` is given twice", path=file, line=line, mend="keep one of them")
        given[option] = Given(option, value, file, line)
    return given


def _nearest(option: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(option, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"it knows {', '.join(sorted(known))}"


def _line_of(source: str, key: str) -> int | None:
    """Where the key stands in `[tool.gradcheck]`: found by reading lines, since tomllib keeps no places."""
    inside = False
    pattern = re.compile(rf"""^\s*["']?{re.escape(key)}["']?\s*[.=]""")
    sub_table = re.compile(rf"""^\s*\[\s*tool\s*\.\s*gradcheck\s*\.\s*["']?{re.escape(key)}["']?\s*[].]""")
    for number, line in enumerate(source.splitlines(), start=1):
        if sub_table.match(line):
            return number
        if re.match(r"^\s*\[", line):
            inside = re.match(r"^\s*\[\s*tool\s*\.\s*gradcheck\s*\]", line) is not None
        elif inside and pattern.match(line):
            return number
    return None
