"""What `gradcheck list` shows, as plain data and as JSON: layers before they are run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gradcheck_cli.report.json import finding_object, text
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


def listing_json(listing: Listing) -> str:
    """One JSON document, ending in a line break."""
    content = {
        "schema_version": 1,
        "version": listing.version,
        "layers": [_layer(layer) for layer in listing.layers],
        "notes": _texts(listing.notes),
        "errors": [finding_object(error) for error in listing.errors],
    }
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _layer(layer: ListedLayer) -> dict[str, Any]:
    return {
        "name": text(layer.name),
        "path": text(layer.path),
        "line": layer.line,
        "convention": layer.convention,
        "arguments": [{key: text(value) for key, value in asdict(argument).items()} for argument in layer.arguments],
        "notes": _texts(layer.notes),
        "error": None if layer.error is None else finding_object(layer.error),
    }


def _texts(sentences: Sequence[str]) -> list[str]:
    return [text(sentence) for sentence in sentences]
