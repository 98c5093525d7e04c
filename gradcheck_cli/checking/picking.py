"""From what was asked for to the layers that are meant: files, what is in each, and what `PATH::NAME` picks."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from gradcheck_cli.checking.options import Target
from gradcheck_cli.checking.users_error import finding_of
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.prefilter import may_hold_layers
from gradcheck_cli.layers.reading import read_source
from gradcheck_cli.layers.selection import Layer, no_such_layer, select
from gradcheck_cli.layers.targets import expand
from gradcheck_cli.report.model import Finding


@dataclass(frozen=True)
class Files:
    """The files that may hold layers.

    Attributes:
        of: by target, in the order given.
        sources: their texts.
        unreadable: errors, of files that have no text.
    """

    of: tuple[tuple[Target, tuple[Path, ...]], ...]
    sources: Mapping[Path, str]
    unreadable: Mapping[Path, Finding]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file once."""
        return tuple(dict.fromkeys(path for _, paths in self.of for path in paths if path not in self.unreadable))


@dataclass(frozen=True)
class Contents(Generic[Layer]):
    """What a file holds. `loaded` is False where it could not be imported: `problems` say why."""

    layers: tuple[Layer, ...] = ()
    problems: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    loaded: bool = True


@dataclass(frozen=True)
class Picked(Generic[Layer]):
    """The layers that are meant, each once, in the order given; what stood in the way of others."""

    layers: tuple[tuple[Path, Layer], ...]
    errors: tuple[Finding, ...]
    notes: tuple[str, ...]


def files(targets: Sequence[Target]) -> Files:
    """The files of the targets that may hold layers; those that were named by layer in any case.

    Raises:
        UserError: without a code, for a missing path.
    """
    of: list[tuple[Target, tuple[Path, ...]]] = []
    sources: dict[Path, str] = {}
    unreadable: dict[Path, Finding] = {}
    for target in targets:
        kept = []
        for path in expand(target.path):
            if path not in sources and path not in unreadable:
                try:
                    sources[path] = read_source(path)
                except UserError as error:
                    unreadable[path] = finding_of(error, path)
            is_named = path == target.path.resolve()
            if path in unreadable or target.name is not None or _is_worth_loading(path, sources[path], named=is_named):
                kept.append(path)
        of.append((target, tuple(kept)))
    return Files(tuple(of), sources, unreadable)


def pick(asked: Files, contents: Mapping[Path, Contents[Layer]]) -> Picked[Layer]:
    """The layers that are meant.

    Raises:
        UserError: without a code, for a name that no layer has.
    """
    layers: dict[tuple[Path, str], tuple[Path, Layer]] = {}
    errors: dict[Finding, None] = {}
    notes: dict[str, None] = {}
    for target, paths in asked.of:
        names: list[str] = []
        picked = failed = False
        for path in paths:
            if path in asked.unreadable:
                errors[asked.unreadable[path]] = None
                failed = True
                continue
            held = contents[path]
            failed |= not held.loaded
            notes.update((f"{path.name}: {note}", None) for note in held.notes)
            errors.update((problem, None) for problem in held.problems)
            chosen = held.layers if target.name is None else select(held.layers, target.name)
            for layer in chosen:
                layers.setdefault((path, layer.name), (path, layer))
            names += [layer.name for layer in held.layers]
            picked |= bool(chosen)
        if target.name is not None and not picked and not failed:
            raise no_such_layer(target.path, target.name, names)
    return Picked(tuple(layers.values()), tuple(errors), tuple(notes))


def refuse_unknown(inputs: InputOptions, known: Sequence[str]) -> None:
    """Shapes and values for arguments that no layer has: a slip of the pen must not pass for a check.

    Args:
        known: the arguments' names, of all layers that were picked.

    Raises:
        UserError: without a code.
    """
    names = list(dict.fromkeys(known))
    for option, given in (("--shape", inputs.shapes), ("--arg", inputs.arguments)):
        for name in given:
            if names and name not in names:
                close = difflib.get_close_matches(name, names, n=1)
                mend = f"did you mean `{option} {close[0]}=...`?" if close else f"its arguments are {', '.join(names)}"
                raise UserError(f"`{option} {name}=...`: no layer has an argument `{name}`", mend=mend)


def _is_worth_loading(path: Path, source: str, *, named: bool) -> bool:
    """Whether the file may hold layers; one that was named and does not parse is worth its error."""
    if may_hold_layers(source):
        return True
    if named:
        try:
            compile(source, str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return True
    return False
