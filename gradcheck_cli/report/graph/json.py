"""A computation graph as JSON, with everything that is known of it.

An array is its numbers as nested lists (a scalar a number), beyond `MOST_NUMBERS` elements an object of statistics.
NaN and the infinities are strings, as in the report. Each wire and each gate has a line of its own.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.report.graph.figures import norm
from gradcheck_cli.report.graph.model import Gate, Graph, Port, Wire
from gradcheck_cli.report.json_values import number, text

SCHEMA_VERSION = 1
MOST_NUMBERS = 1000
"""Elements up to which an array is written out."""

Array = NDArray[Any]


def graph_json(graph: Graph) -> str:
    """One JSON document, ending in a line break."""
    fields = []
    for name, content in graph_object(graph).items():
        if name in ("wires", "gates") and content:
            items = ",\n".join(f"    {_dumped(item)}" for item in content)
            fields.append(f'  "{name}": [\n{items}\n  ]')
        else:
            fields.append(f'  "{name}": {_dumped(content)}')
    return "{\n" + ",\n".join(fields) + "\n}\n"


def graph_object(graph: Graph) -> dict[str, Any]:
    """The same as Python data that `json.dumps(..., allow_nan=False)` takes."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "graph",
        "name": text(graph.name),
        "path": text(graph.path),
        "line": graph.line,
        "seed": graph.seed,
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "upstream": [array_object(array) for array in graph.upstream],
        "wires": [_wire(wire) for wire in graph.wires],
        "gates": [_gate(gate) for gate in graph.gates],
        "notes": [text(note) for note in graph.notes],
    }


def array_object(array: Any) -> Any:
    """Numbers in nested lists, statistics of a large array, None for None."""
    if array is None:
        return None
    known = np.asarray(array)
    if known.size <= MOST_NUMBERS:
        return _nested(known.tolist())
    statistics = {"shape": list(known.shape), "dtype": str(known.dtype)}
    wide = known.astype(np.complex128 if known.dtype.kind == "c" else np.float64)
    finite = wide[np.isfinite(wide)]
    is_ordered = known.dtype.kind != "c" and finite.size > 0
    return {
        **statistics,
        "min": number(finite.min()) if is_ordered else None,
        "max": number(finite.max()) if is_ordered else None,
        "mean": number(finite.mean()) if finite.size else None,
        "norm": number(norm(finite)) if finite.size else None,
        "not_finite": int(known.size - finite.size),
    }


def _wire(wire: Wire) -> dict[str, Any]:
    return {
        "number": wire.number,
        "name": text(wire.name),
        "kind": wire.kind,
        "shape": [int(size) for size in wire.shape],
        "dtype": str(wire.value.dtype),
        "value": array_object(wire.value),
        "gradient": array_object(wire.gradient),
        "yours": array_object(wire.yours),
    }


def _gate(gate: Gate) -> dict[str, Any]:
    return {
        "number": gate.number,
        "operation": text(gate.operation),
        "pattern": text(gate.pattern),
        "path": text(gate.path),
        "line": gate.line,
        "expression": text(gate.expression),
        "inputs": [_port(port) for port in gate.inputs],
        "outputs": list(gate.outputs),
        "folded": gate.folded,
        "parts": [_gate(part) for part in gate.parts],
    }


def _port(port: Port) -> dict[str, Any]:
    return {
        "wire": port.wire,
        "constant": array_object(port.constant),
        "local": array_object(port.local),
        "formula": text(port.formula),
        "downstream": array_object(port.downstream),
    }


def _nested(value: Any) -> Any:
    if isinstance(value, list):
        return [_nested(item) for item in value]
    try:
        return number(value)
    except (TypeError, ValueError):
        return text(str(value))


def _dumped(content: Any) -> str:
    return json.dumps(content, allow_nan=False, ensure_ascii=False)
