"""What `gradcheck trace` does once its command line is parsed: draw the graph in a worker, and show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from gradcheck_cli.checking.graph_options import GraphOptions
from gradcheck_cli.cli.drawing import Drawing, function_at, values_at
from gradcheck_cli.cli.exit_codes import ExitCode
from gradcheck_cli.cli.given import RunOptions
from gradcheck_cli.cli.signals import ended_by_signals
from gradcheck_cli.isolation.apart import Apart
from gradcheck_cli.report.graph.model import Graph


def perform(
    target: str,
    at: Sequence[str],
    inputs: Mapping[str, Any],
    shown: Mapping[str, Any],
    format_: str | None,
    output: str | None,
) -> ExitCode:
    """Draw the graph and show it."""

    def make(told: RunOptions) -> Graph:
        path, name = function_at(target, "trace")
        options = GraphOptions(
            told.check.inputs,
            at=values_at(at),
            ones=shown["ones"],
            yours=shown["yours"],
            expand=tuple(shown["expand"]),
            collapse=tuple(shown["collapse"]),
        )
        with ended_by_signals(), Apart(replace(told.workers, count=1)) as apart:
            return apart.graph(path, name, options)

    everything = bool(shown["all"])
    printers = {"table": lambda: _table(everything), "tree": lambda: _tree(everything)}
    return Drawing("trace", printers, _WRITERS, _ENDINGS).perform(make, inputs, format_, output)


def _table(everything: bool) -> Callable[[Graph, Console], None]:
    from gradcheck_cli.report.graph.table import print_graph

    return lambda graph, console: print_graph(graph, console, Path.cwd(), everything=everything)


def _tree(everything: bool) -> Callable[[Graph, Console], None]:
    from gradcheck_cli.report.graph.tree import print_tree

    return lambda graph, console: print_tree(graph, console, Path.cwd(), everything=everything)


def _json() -> Callable[[Graph], str]:
    from gradcheck_cli.report.graph.json import graph_json

    return graph_json


def _mermaid() -> Callable[[Graph], str]:
    from gradcheck_cli.report.graph.mermaid import graph_mermaid

    return graph_mermaid


def _dot() -> Callable[[Graph], str]:
    from gradcheck_cli.report.graph.dot import graph_dot

    return graph_dot


def _svg() -> Callable[[Graph], str]:
    from gradcheck_cli.report.graph.svg import graph_svg

    return graph_svg


def _html() -> Callable[[Graph], str]:
    from gradcheck_cli.report.graph.html import graph_html

    return graph_html


_WRITERS = {"json": _json, "mermaid": _mermaid, "dot": _dot, "svg": _svg, "html": _html}
"""Each imported only where it is asked for."""

_ENDINGS = {
    ".json": "json",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".svg": "svg",
    ".html": "html",
    ".txt": "table",
}
