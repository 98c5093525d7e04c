"""The difference of two runs as one JSON document; numbers that are not finite are spelled as in the JSON report."""

from __future__ import annotations

import json
from typing import Any

from gradcheck_cli.report.difference.model import (
    ArgumentDifference,
    Change,
    Difference,
    ElementChanges,
    LayerDifference,
    RunSummary,
    first_cause,
)
from gradcheck_cli.report.json_values import number, text
from gradcheck_cli.report.model import ArgumentReport, LayerReport
from gradcheck_cli.report.problem import Problem, problem_object

SCHEMA_VERSION = 1


def difference_json(difference: Difference) -> str:
    """The whole document, ending in a line break."""
    return _text(difference, None)


def no_difference_json(problem: Problem) -> str:
    """The document where there is nothing to tell but why."""
    return _text(None, problem)


def _text(difference: Difference | None, problem: Problem | None) -> str:
    layers = () if difference is None else difference.layers
    document = {
        "schema_version": SCHEMA_VERSION,
        "before": None if difference is None else _run(difference.before),
        "after": None if difference is None else _run(difference.after),
        "worse": difference is not None and difference.is_worse,
        "summary": {change.value: 0 if difference is None else difference.count(change) for change in Change},
        "layers": [_layer(layer) for layer in layers],
        "notes": [] if difference is None else [text(note) for note in difference.notes],
        "errors": [] if problem is None else [problem_object(problem)],
    }
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _run(run: RunSummary) -> dict[str, Any]:
    return {
        "file": text(run.file),
        "version": text(run.version),
        "seed": run.seed,
        "device": text(run.device),
        "problem": text(run.problem) or None,
    }


def _layer(layer: LayerDifference) -> dict[str, Any]:
    return {
        "name": text(layer.name),
        "path": text(layer.path),
        "change": layer.change.value,
        "before": _state(layer.before),
        "after": _state(layer.after),
        "gone": list(layer.gone),
        "new": list(layer.new),
        "arguments": [_argument(argument) for argument in layer.arguments],
    }


def _state(layer: LayerReport | None) -> dict[str, Any] | None:
    if layer is None:
        return None
    cause = first_cause(layer)
    return {
        "status": layer.status.value,
        "codes": list(dict.fromkeys(finding.code for finding in layer.findings)),
        "cause": None
        if cause is None
        else {
            "code": cause.code,
            "message": text(cause.message),
            "argument": None if cause.argument is None else text(cause.argument),
            "path": text(cause.path),
            "line": cause.line,
        },
    }


def _argument(argument: ArgumentDifference) -> dict[str, Any]:
    return {
        "name": text(argument.name),
        "change": argument.change.value,
        "before": _values(argument.before),
        "after": _values(argument.after),
        "elements": None if argument.elements is None else _elements(argument.elements),
        "why": text(argument.why),
    }


def _values(argument: ArgumentReport | None) -> dict[str, Any] | None:
    if argument is None:
        return None
    return {
        "status": argument.status.value,
        "max_abs_error": number(argument.max_abs_error),
        "max_rel_error": number(argument.max_rel_error),
        "wrong": argument.wrong,
        "total": argument.total,
    }


def _elements(elements: ElementChanges) -> dict[str, Any]:
    return {
        "draw": elements.draw,
        "total": elements.total,
        "mended": elements.mended,
        "broken": elements.broken,
        "still_wrong": elements.still_wrong,
    }
