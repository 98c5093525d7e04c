"""The formats by name, each with the file suffixes it is known by. A renderer is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcheck_cli.report.ending import Ending
    from gradcheck_cli.report.model import Report

    Renderer = Callable[[Report, Ending], str]
    """A whole document as text, for whatever report, also an empty one; it ends in a line break or is empty."""

TABLE = "table"
"""The one format that depends on where it is shown: `report.table` prints it on a console."""

RENDERERS: Mapping[str, str] = MappingProxyType(
    {
        "concise": "concise:render_concise",
        "json": "json:json_document",
        "jsonl": "jsonl:render_jsonl",
        "junit": "junit:render_junit",
        "sarif": "sarif:render_sarif",
        "github": "github:render_github",
        "markdown": "markdown:render_markdown",
        "html": "html.page:render_html",
    }
)
"""Each document's module in this package and its function."""

FORMATS = (TABLE, *RENDERERS)

SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        ".json": "json",
        ".jsonl": "jsonl",
        ".xml": "junit",
        ".sarif": "sarif",
        ".sarif.json": "sarif",
        ".md": "markdown",
        ".markdown": "markdown",
        ".html": "html",
        ".htm": "html",
        ".txt": TABLE,
    }
)

FOR_PEOPLE = frozenset({TABLE, "concise", "github"})
"""Formats of lines that go to a terminal or a log, in its encoding. The others are documents, always in UTF-8."""


def renderer(name: str) -> Renderer:
    """The function that renders a format other than the table."""
    module, _, function = RENDERERS[name].partition(":")
    found: Renderer = getattr(import_module(f"gradcheck_cli.report.{module}"), function)
    return found


def format_of(file_name: str) -> str | None:
    """The format that a file's name asks for; None where its suffix says nothing. The longest suffix wins."""
    name = file_name.lower()
    matching = [suffix for suffix in SUFFIXES if name.endswith(suffix) and name != suffix]
    return SUFFIXES[max(matching, key=len)] if matching else None
