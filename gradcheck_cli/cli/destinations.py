"""Where the report goes: one format on standard output, and any number of files, each in a format of its own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gradcheck_cli.cli.values import Given, choice
from gradcheck_cli.errors import UserError
from gradcheck_cli.report.formats import FORMATS, SUFFIXES, TABLE, format_of


@dataclass(frozen=True)
class Destination:
    """A file that gets the report.

    Attributes:
        format: of `FORMATS`.
        path: absolute, so that a module that changes the folder does not move it.
    """

    format: str
    path: Path


@dataclass(frozen=True)
class Destinations:
    """All that the report goes to."""

    format: str = TABLE
    files: tuple[Destination, ...] = ()


def files(given: Given) -> tuple[Destination, ...]:
    """`--output FILE`, whose suffix says the format, or `--output FORMAT=FILE`; any number of them.

    Raises:
        UserError: for a suffix or a format that is not known, and where a file is named twice.
    """
    entries = [given.value] if isinstance(given.value, str) else given.value
    if not isinstance(entries, Sequence) or not all(isinstance(entry, str) for entry in entries):
        raise given.wrong("is not the name of a file, or a list of them", _written(given, "report.json"))
    found: list[Destination] = []
    for entry in entries:
        destination = _destination(given, entry)
        if any(destination.path == other.path for other in found):
            raise given.wrong(f"names `{destination.path.name}` twice", "give each report a file of its own")
        found.append(destination)
    return tuple(found)


def leniently(*sources: Mapping[str, Given]) -> Destinations:
    """What was asked for, as far as it can be understood, by sources of which the later ones win.

    For a run that never begins: also who mistyped another option gets a document where one was asked for.
    """
    asked = Destinations()
    for source in sources:
        format_, paths = asked.format, asked.files
        try:
            format_ = choice(source["format"], FORMATS) if "format" in source else format_
            paths = files(source["output"]) if "output" in source else paths
        except UserError:
            pass
        asked = Destinations(format_, paths)
    return asked


def _destination(given: Given, entry: str) -> Destination:
    name, equals, rest = entry.partition("=")
    if equals and name in FORMATS:
        return Destination(name, _path(given, rest, entry))
    if equals and re.fullmatch(r"\w+", name):
        close = difflib.get_close_matches(name, FORMATS, n=1)
        mend = _written(given, f"{close[0]}={rest}") if close else f"its formats are {', '.join(FORMATS)}"
        raise given.wrong(f"is `{entry}`, and `{name}` is no format", mend)
    path = _path(given, entry, entry)
    format_ = format_of(path.name)
    if format_ is None:
        known = ", ".join(SUFFIXES)
        raise given.wrong(
            f"is `{entry}`, and its suffix names no format (of {known})",
            _written(given, f"json={entry}") + ": say the format before the name",
        )
    return Destination(format_, path)


def _path(given: Given, name: str, entry: str) -> Path:
    if not name or "\0" in name:
        raise given.wrong(f"is {entry!r}, which names no file", _written(given, "report.json"))
    return Path(name).absolute()


def _written(given: Given, value: str) -> str:
    return given.written(f'["{value}"]' if given.path else value)
