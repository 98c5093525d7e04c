"""The findings that an old code base has: a file that says which, so that only new ones count.

An entry names no line, so that the file survives edits elsewhere in a module. It hides as many findings of its code,
layer and argument as it counts, and no other. One cause gives one finding, so a finding may stand for wrong values too
(what is not linear meets no reference): the entry says of which gradients, and hides no wrong values of others.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.report.model import Finding, LayerReport, Status
from gradcheck_cli.suppressions.codes import general
from gradcheck_cli.whole_file import replace_file

FORMAT = "gradcheck baseline"
SCHEMA_VERSION = 1
_KEYS = ("path", "layer", "code", "argument", "wrong_gradients", "count")
_ABOUT_GRADIENTS = ("GC1", "GC2", "GC4")
"""Findings that say themselves what is wrong with a gradient."""


@dataclass(frozen=True, order=True)
class Key:
    """What findings have in common that are one entry.

    Attributes:
        code: GC201 for a mismatch by any cause, so that a cause that is found only now brings back nothing.
        argument: "" where they are about none in particular.
        wrong: arguments whose gradients have wrong values that no finding of their own tells of, sorted.
    """

    path: str
    layer: str
    code: str
    argument: str = ""
    wrong: tuple[str, ...] = ()

    def stands_for(self, other: Key) -> bool:
        """Whether all that findings of the other key tell of is told of by this one."""
        return self.plain == other.plain and set(self.wrong) >= set(other.wrong)

    @property
    def plain(self) -> Key:
        """The key without the wrong values that its findings stand for."""
        return replace(self, wrong=())

    @property
    def shown(self) -> str:
        """`GC201 of legacy/layers.py::affine, x`."""
        return f"{self.code} of {self.path}::{self.layer}" + (f", {self.argument}" if self.argument else "")


@dataclass(frozen=True)
class Baseline:
    """A baseline file: where it is, and how many findings of each key it hides."""

    file: Path
    counts: Mapping[Key, int]

    def key(self, layer: LayerReport, finding: Finding) -> Key:
        """The key of a layer's finding."""
        wrong = _untold(layer, finding)
        return Key(self.path_of(layer), layer.name, general(finding.code), finding.argument or "", wrong)

    def path_of(self, layer: LayerReport) -> str:
        """A layer's module, seen from this file's folder, with forward slashes."""
        try:
            return PurePath(os.path.relpath(layer.path, self.file.parent)).as_posix()
        except ValueError:  # another drive
            return PurePath(layer.path).as_posix()

    def module(self, key: Key) -> Path:
        """The module of a key."""
        return Path(os.path.normpath(self.file.parent / key.path))


def read_baseline(file: Path, *, may_be_missing: bool = False) -> Baseline:
    """The baseline in `file`; an empty one where there is none and that is allowed.

    Raises:
        UserError: without a code, with its place and mend, for a file that is missing, cannot be read, is none of
            gradcheck's, or is of a newer gradcheck.
    """
    file = file.absolute()
    file = file.parent.resolve() / file.name
    try:
        return Baseline(file, parsed(file.read_text(encoding="utf-8"), file))
    except FileNotFoundError:
        if may_be_missing:
            return Baseline(file, {})
        mend = f"write it with `--baseline {file.name} --write-baseline`"
        raise UserError(f"there is no baseline `{file.name}`", path=file, mend=mend) from None
    except (OSError, UnicodeDecodeError) as error:
        mend = "make it a readable UTF-8 file, or take another name"
        raise UserError(f"cannot read the baseline `{file.name}`: {error}", path=file, mend=mend) from None


def parsed(text: str, file: Path) -> dict[Key, int]:
    """The entries of a baseline's text.

    Raises:
        UserError: without a code, for a text that is no baseline of this version.
    """
    again = "take the file from version control, or write it anew with `--write-baseline` once it is out of the way"
    try:
        content = json.loads(text)
    except RecursionError:
        raise UserError(f"the baseline `{file.name}` is nested too deeply", path=file, mend=again) from None
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise UserError(f"the baseline `{file.name}` is not JSON: {error}", path=file, line=line, mend=again) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        mend = f'name a file that `--write-baseline` wrote: it begins with `"format": "{FORMAT}"`'
        raise UserError(f"`{file.name}` is no baseline of gradcheck's", path=file, mend=mend)
    version = content.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise UserError(
            f"the baseline `{file.name}` is of a newer gradcheck (schema version {version}, known is {SCHEMA_VERSION})",
            path=file,
            mend="install a newer gradcheck: `pip install --upgrade gradcheck-cli`",
        )
    entries = content.get("findings")
    if version != SCHEMA_VERSION or not isinstance(entries, list):
        raise UserError(f"the baseline `{file.name}` lacks its version or its findings", path=file, mend=again)
    counts: dict[Key, int] = {}
    for number, entry in enumerate(entries, start=1):
        key, count = _entry(entry, number, file, again)
        if key in counts:
            message = f"entry {number} of the baseline `{file.name}` is there twice: {key.shown}"
            raise UserError(message, path=file, mend="keep one of the two")
        counts[key] = count
    return counts


def text_of(counts: Mapping[Key, int]) -> str:
    """The file's text: sorted, one line an entry, so that two branches that change it merge."""
    lines = [json.dumps(_shown(key, counts[key]), ensure_ascii=False) for key in sorted(counts)]
    entries = "[\n    " + ",\n    ".join(lines) + "\n  ]" if lines else "[]"
    # a lone surrogate, of a file name that is not UTF-8, is spelled as JSON spells it
    entries = "".join(f"\\u{ord(sign):04x}" if "\ud800" <= sign <= "\udfff" else sign for sign in entries)
    return f'{{\n  "format": "{FORMAT}",\n  "schema_version": {SCHEMA_VERSION},\n  "findings": {entries}\n}}\n'


def write_baseline(baseline: Baseline) -> None:
    """Replace the file at once: whoever reads it meanwhile reads the old one or the new one.

    Raises:
        UserError: without a code, where it cannot be written.
    """
    new = baseline.file.with_name(f".{baseline.file.name}.{os.getpid()}.new")
    try:
        replace_file(baseline.file, text_of(baseline.counts).encode(), new)
    except OSError as error:
        raise UserError(
            f"cannot write the baseline `{baseline.file.name}`: {error.strerror or error}",
            path=baseline.file,
            mend="name a file in a folder that can be written to",
        ) from None


def _entry(entry: Any, number: int, file: Path, mend: str) -> tuple[Key, int]:
    if not isinstance(entry, dict) or not all(key in entry for key in _KEYS):
        what = f"has not all of {', '.join(_KEYS)}"
    else:
        path, layer, code, argument, wrong, count = (entry[key] for key in _KEYS)
        words = (path, layer, code, "" if argument is None else argument)
        if not all(isinstance(word, str) for word in words) or not all(words[:3]):
            what = "has a path, layer, code or argument that is no text"
        elif not isinstance(wrong, list) or not all(isinstance(name, str) for name in wrong):
            what = "has `wrong_gradients` that are no list of texts"
        elif isinstance(count, bool) or not isinstance(count, int) or count < 1:
            what = f"counts {count!r} findings, not a whole number from 1 on"
        else:
            return Key(path, layer, general(code), words[-1], tuple(sorted(wrong))), count
    raise UserError(f"entry {number} of the baseline `{file.name}` {what}", path=file, mend=mend)


def _shown(key: Key, count: int) -> dict[str, Any]:
    values = (key.path, key.layer, key.code, key.argument or None, list(key.wrong), count)
    return dict(zip(_KEYS, values))


def _untold(layer: LayerReport, finding: Finding) -> tuple[str, ...]:
    """The arguments whose gradients fail for the finding's cause, and have no finding of their own."""
    if finding.code.startswith(_ABOUT_GRADIENTS):
        return ()
    told = {other.argument for other in layer.findings if other.code.startswith(_ABOUT_GRADIENTS)}
    failing = {argument.name for argument in layer.arguments if argument.status is Status.FAIL}
    return tuple(sorted(name for name in failing - told if finding.argument in (None, name)))
