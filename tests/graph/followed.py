"""A function of a module as its graph, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from gradcheck_cli.checking.contents import contents_of
from gradcheck_cli.checking.graph_options import GraphOptions
from gradcheck_cli.checking.graphing import function_of, graph_of
from gradcheck_cli.report.graph.model import Gate, Graph

HEAD = "import numpy as np\nimport jax\nimport jax.numpy as jnp\n\n"


def graph(folder: Path, source: str, name: str, **told: Any) -> Graph:
    """The graph of function `name` of a module with this text."""
    path = folder / "mine.py"
    path.write_text(HEAD + dedent(source))
    module, contents = contents_of(path)
    assert module is not None, contents.problems
    return graph_of(module, function_of(module, contents, name), GraphOptions(**told))


def gates(shown: Graph) -> list[str]:
    """The operations in order, as they are shown."""
    return [gate.operation for gate in shown.shown()]


def gate(shown: Graph, operation: str) -> Gate:
    """The only gate that does this."""
    (found,) = [gate for gate in shown.shown() if gate.operation == operation]
    return found


def number(array: Any) -> float:
    """A single number."""
    return float(array.reshape(-1)[0])
