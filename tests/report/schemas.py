"""The schemas in `docs`, which refer to one another."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

DOCS = Path(__file__).parents[2] / "docs"
NAMES = sorted(path.name.removesuffix(".schema.json") for path in DOCS.glob("*.schema.json"))


def complaints(name: str, document: Any, *, every_key: bool = False) -> list[str]:
    """What the schema of that name has to say against a document; `every_key`: keys it does not know, too."""
    return [f"{error.json_path}: {error.message[:200]}" for error in _validator(name, every_key).iter_errors(document)]


@functools.cache
def _validator(name: str, every_key: bool) -> Draft202012Validator:
    schemas = {each: _read(each, every_key) for each in NAMES}
    for each in schemas.values():
        Draft202012Validator.check_schema(each)
    known: Any = Registry().with_resources(
        (f"{each}.schema.json", Resource.from_contents(schema)) for each, schema in schemas.items()
    )
    return Draft202012Validator(schemas[name], registry=known)


def _read(name: str, every_key: bool) -> Any:
    text = (DOCS / f"{name}.schema.json").read_text(encoding="utf-8")
    if every_key:
        text = text.replace('"additionalProperties": true', '"additionalProperties": false')
    return json.loads(text)
