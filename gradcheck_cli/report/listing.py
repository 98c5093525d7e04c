"""What `gradcheck list` shows, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gradcheck_cli.report.json import finding_object
from gradcheck_cli.report.json_values import text
from gradcheck_cli.report.listed import ListedLayer, Listing


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
