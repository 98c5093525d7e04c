"""The Jacobians as one JSON document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_cli.report.jacobian.model import Block, Jacobian, Jacobians, Side
from gradcheck_cli.report.json_values import number, text

if TYPE_CHECKING:
    from gradcheck_cli.report.jacobian.model import Matrix

SCHEMA_VERSION = 1
MOST_ENTRIES = 100_000
"""Above, a matrix is given by its entries that are not zero, as long as those are no more."""


def jacobians_json(jacobians: Jacobians) -> str:
    """One JSON document, ending in a line break."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "kind": "jacobian",
        "name": text(jacobians.name),
        "path": text(jacobians.path),
        "line": jacobians.line,
        "seed": jacobians.seed,
        "sizes": {text(name): size for name, size in jacobians.sizes},
        "jacobians": [_jacobian(one) for one in jacobians.jacobians],
        "notes": [text(note) for note in jacobians.notes],
    }
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _jacobian(jacobian: Jacobian) -> dict[str, Any]:
    structure = jacobian.structure
    return {
        "output": _side(jacobian.output),
        "argument": _side(jacobian.argument),
        "shape": list(jacobian.matrix.shape),
        "structure": {
            "kind": structure.kind,
            "name": text(structure.name),
            "notation": text(structure.notation),
            "sentence": text(structure.sentence),
        },
        "formula": text(jacobian.formula),
        "examples": [text(line) for line in jacobian.examples],
        "shapes": [text(line) for line in jacobian.shapes],
        "without": [text(line) for line in jacobian.without],
        "block": None if jacobian.block is None else _block(jacobian.block),
        **_entries(jacobian.matrix),
    }


def _side(side: Side) -> dict[str, Any]:
    names = [text(name) for name in side.dimensions]
    return {"name": text(side.name), "shape": list(side.shape), "dimensions": names}


def _block(block: Block) -> dict[str, Any]:
    return {
        "title": text(block.title),
        "rows": [text(name) for name in block.rows],
        "columns": [text(name) for name in block.columns],
        "matrix": _rows(block.matrix),
    }


def _entries(matrix: Matrix) -> dict[str, Any]:
    """`matrix`, or `entries` as [row, column, value]; both null where there are too many."""
    if matrix.size <= MOST_ENTRIES:
        return {"matrix": _rows(matrix), "entries": None}
    places = np.argwhere(matrix != 0)
    if len(places) > MOST_ENTRIES:
        return {"matrix": None, "entries": None}
    return {"matrix": None, "entries": [[int(row), int(column), number(matrix[row, column])] for row, column in places]}


def _rows(matrix: Matrix) -> list[list[Any]]:
    return [[number(value) for value in row] for row in matrix]
