"""What `gradcheck list` shows, as plain data: layers before they are run."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.report.model import Finding


@dataclass(frozen=True)
class ListedArgument:
    """One argument of a layer.

    Attributes:
        role: `input`, `parameter`, `config`, ...
        kind: `float`, `integer`, `config`, `tree`, ...; "" where nothing is known.
        shape: as written, such as `(N, D)`, or the values of a configuration; "" where unknown.
        source: where the shape came from: `docstring`, `inferred`, ...
    """

    name: str
    role: str
    kind: str = ""
    shape: str = ""
    source: str = ""


@dataclass(frozen=True)
class ListedLayer:
    """One layer. `error` says why its inputs could not be specified, where they could not."""

    name: str
    path: str
    line: int
    convention: str
    arguments: tuple[ListedArgument, ...] = ()
    notes: tuple[str, ...] = ()
    error: Finding | None = None


@dataclass(frozen=True)
class Listing:
    """Everything that was found, and the modules that did not load."""

    version: str
    layers: tuple[ListedLayer, ...] = ()
    errors: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
