"""What an option may be, said the same of a command line and of a configuration file."""

from __future__ import annotations

import ast
import difflib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.inputs.dimensions import parse_shape
from gradcheck_cli.suppressions.codes import codes_of
from gradcheck_cli.suppressions.comments import Word
from gradcheck_cli.suppressions.per_file import PerFile


@dataclass(frozen=True)
class Given:
    """A value that somebody gave for an option, and where.

    Attributes:
        option: its long name without dashes, such as `max-evals`.
        value: not yet checked.
        path, line: of the configuration file; None for the command line.
    """

    option: str
    value: Any
    path: Path | None = None
    line: int | None = None

    @property
    def shown(self) -> str:
        """`--draws` or `draws`, as it was written."""
        return f"`{self.option}`" if self.path else f"`--{self.option}`"

    def wrong(self, what: str, mend: str) -> UserError:
        """The error that says what is wrong with it."""
        return UserError(f"{self.shown} {what}", path=self.path, line=self.line, mend=mend)

    def written(self, value: str) -> str:
        """How to give `value` for this option, in the place where it was given."""
        return f"{self.option} = {value}" if self.path else f"--{self.option} {value}"


def flag(given: Given) -> bool:
    """True or false."""
    if not isinstance(given.value, bool):
        raise given.wrong(f"is {_shown(given.value)}, not true or false", given.written("true"))
    return given.value


def whole_number(given: Given, least: int, most: int | None = None) -> int:
    """A whole number from `least` on, up to `most` where that is given."""
    value = given.value
    if isinstance(value, bool) or not isinstance(value, int):
        raise given.wrong(f"is {_shown(value)}, not a whole number", given.written(str(_whole(value) or max(least, 1))))
    if value < least:
        raise given.wrong(f"is {value}, and must be at least {least}", given.written(str(least)))
    if most is not None and value > most:
        raise given.wrong(f"is {value}, and must be at most {most}", given.written(str(most)))
    return value


def positive(given: Given) -> float:
    """A finite number above zero."""
    value = given.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise given.wrong(f"is {_shown(value)}, not a number", given.written("1000"))
    if not math.isfinite(value) or value <= 0:
        raise given.wrong(f"is {value}, and must be a finite number above 0", given.written("1000"))
    return float(value)


def tolerance(given: Given) -> float:
    """A finite number that is not negative."""
    value = given.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise given.wrong(f"is {_shown(value)}, not a number", given.written("1e-6"))
    if not math.isfinite(value) or value < 0:
        raise given.wrong(f"is {value}, and must be a finite number from 0 on", given.written("1e-6"))
    return float(value)


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def memory(given: Given) -> int:
    """Bytes: `2G`, `512 MB`, in powers of 1,024, or a number of them."""
    written = _SIZE.fullmatch(str(given.value).strip())
    size = float(written[1]) * 1024 ** " KMGT".index(written[2].upper() or " ") if written else 0.0
    if size < 1 or isinstance(given.value, bool):
        example = '"2G"' if given.path else "2G"
        raise given.wrong(f"is {_shown(given.value)}, not a size such as 2G or 512M", given.written(example))
    return int(size)


def workers(given: Given) -> int:
    """How many processes; `auto` is one for each processor."""
    if given.value == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = _whole(given.value)
    if count is None:
        example = '"auto"' if given.path else "auto"
        raise given.wrong(f"is {_shown(given.value)}, not a whole number or `auto`", given.written(example))
    return whole_number(Given(given.option, count, given.path, given.line), least=1)


def choice(given: Given, allowed: Sequence[str]) -> str:
    """One of a few words."""
    if given.value in allowed:
        return str(given.value)
    close = difflib.get_close_matches(str(given.value), allowed, n=1)
    quotes = '"' if given.path else ""
    raise given.wrong(
        f"is {_shown(given.value)}, and must be one of {', '.join(allowed)}",
        given.written(f"{quotes}{close[0] if close else allowed[0]}{quotes}"),
    )


def codes(given: Given) -> frozenset[str]:
    """`GC3,not-linear`: every code that one of the words means."""
    return frozenset(code for word in words(given) for code in word.codes)


def words(given: Given) -> tuple[Word, ...]:
    """`GC3,not-linear`, or a list of such texts, as the words in it with their codes."""
    entries = [given.value] if isinstance(given.value, str) else given.value
    quotes = '"' if given.path else ""
    if not isinstance(entries, Sequence) or not all(isinstance(entry, str) for entry in entries):
        raise given.wrong(f"is {_shown(given.value)}, not codes of rules", given.written(f"{quotes}GC304{quotes}"))
    found = []
    for word in filter(None, (word.strip() for entry in entries for word in entry.split(","))):
        try:
            found.append(Word(word, codes_of(word)))
        except UserError as error:
            raise given.wrong(f"names {_shown(word)}, which is no rule", error.mend or "") from None
    if not found:
        raise given.wrong("names no rule", given.written(f"{quotes}GC304{quotes}"))
    return tuple(found)


def per_file(given: Given) -> tuple[PerFile, ...]:
    """The table of patterns, each with the words for the files that it names."""
    if not isinstance(given.value, Mapping) or given.path is None:
        mend = '[tool.gradcheck.per-file-ignores]\n"legacy/*.py" = ["GC304"]'
        raise given.wrong(f"is {_shown(given.value)}, not a table of patterns and rules", mend)
    found = []
    for pattern, value in given.value.items():
        line = _line_below(given.path, given.line, pattern)
        entry = Given(f'per-file-ignores."{pattern}"', value, given.path, line)
        # the folder as the checked files have it: with its links followed
        file = given.path.parent.resolve() / given.path.name
        found.append(PerFile(pattern, words(entry), file, line))
    return tuple(found)


def file_path(given: Given) -> Path:
    """A file, seen from the configuration's folder where it stands there."""
    if not isinstance(given.value, str) or not given.value:
        raise given.wrong(f"is {_shown(given.value)}, not the path of a file", given.written(f'"{given.option}.json"'))
    return Path(given.value) if given.path is None else given.path.parent / given.value


def saved_file(given: Given) -> Path:
    """A file to write, absolute, so that a module that changes the folder does not move it."""
    if not isinstance(given.value, str) or not given.value or "\0" in given.value:
        raise given.wrong(f"is {_shown(given.value)}, which names no file", given.written("before.npz"))
    return Path(given.value).absolute()


def _line_below(file: Path, line: int | None, key: str) -> int | None:
    """Where a quoted key stands, from a line of the file on: tomllib keeps no places."""
    lines = file.read_text(encoding="utf-8").splitlines()
    below = range(line or 1, len(lines) + 1)
    return next(
        (number for number in below if re.search(rf"""["']?{re.escape(key)}["']?\s*=""", lines[number - 1])), line
    )


def shapes(given: Given) -> dict[str, tuple[str | int, ...]]:
    """`w=D,M`: the axes of each named argument."""
    found = {}
    for name, value in _pairs(given, "w=D,M"):
        found[name] = _shape(given, name, value)
    return found


def dimensions(given: Given) -> dict[str, int]:
    """`N=4`: the size of each named dimension."""
    found = {}
    for name, value in _pairs(given, "N=4"):
        size = _whole(value)
        if size is None or size < 1:
            raise given.wrong(
                f"gives {name} the size {_shown(value)}, not a whole number from 1 on", given.written("N=4")
            )
        found[name] = size
    return found


def arguments(given: Given) -> dict[str, Any]:
    """`conv_param={"stride": 2}`: the value of each named argument, in JSON."""
    return {name: _argument(given, name, value) for name, value in _pairs(given, "conv_param='{\"stride\": 2}'")}


def _pairs(given: Given, example: str) -> list[tuple[str, Any]]:
    """`NAME=VALUE` as a list of them, or the table that a configuration file may hold instead."""
    if isinstance(given.value, Mapping):
        return [(str(name), value) for name, value in given.value.items()]
    entries = [given.value] if isinstance(given.value, str) else given.value
    if not isinstance(entries, Sequence) or not all(isinstance(entry, str) for entry in entries):
        raise given.wrong(f"is {_shown(given.value)}, not NAME=VALUE", given.written(example))
    pairs = []
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not equals or not name.strip():
            raise given.wrong(f"is {_shown(entry)}, not NAME=VALUE", given.written(example))
        pairs.append((name.strip(), value.strip()))
    return pairs


def _shape(given: Given, name: str, value: Any) -> tuple[str | int, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = ",".join(str(axis) for axis in value) or "()"
    axes = parse_shape(value) if isinstance(value, str) else (value,) if _whole(value) is not None else None
    if axes is None or any(isinstance(axis, int) and axis < 0 for axis in axes):
        raise given.wrong(
            f"gives {name} the shape {_shown(value)}, not names or sizes with commas between",
            given.written(f"{name}=N,D") + f", or {name}=4,3, or {name}=() for a scalar",
        )
    return tuple(axes)


def _argument(given: Given, name: str, value: Any) -> Any:
    if not isinstance(value, str) or (given.path is not None and isinstance(given.value, Mapping)):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise given.wrong(
            f"gives {name} the value {_shown(value)}, not JSON ({error})", given.written(f"{name}='{_as_json(value)}'")
        ) from None


def _as_json(value: str) -> str:
    """What was probably meant: Python's own spelling put into JSON's, or a bare word in quotes."""
    try:
        return json.dumps(ast.literal_eval(value))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return json.dumps(value)


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
