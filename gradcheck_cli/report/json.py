"""The report as JSON: `docs/report.schema.json` says what each key means.

Strict parsers know no NaN and no infinity, so those are the strings "NaN", "Infinity" and "-Infinity"; a complex number
is `{"real": ..., "imag": ...}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from gradcheck_cli.report.arrays import MOST_COPIED, statistics
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.json_values import number, text
from gradcheck_cli.report.model import (
    ArgumentReport,
    Blame,
    DrawReport,
    Element,
    Finding,
    LayerReport,
    NamedArray,
    Report,
    Status,
    Suppressed,
    UnusedIgnore,
)
from gradcheck_cli.report.network.json import network_object
from gradcheck_cli.report.problem import Problem, problem_object

SCHEMA_VERSION = 1
MODULE = "module"
"""The `convention` of an entry that stands for a whole module: one that does not load."""


def json_document(report: Report, ending: Ending) -> str:
    """`render_json` as one of the formats."""
    return render_json(report, ending.problem)


def render_json(report: Report, problem: Problem | None = None) -> str:
    """The report as one JSON document, ending in a line break. `problem`: what kept the command from its work."""
    return json.dumps(report_object(report, problem), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def report_object(report: Report, problem: Problem | None = None) -> dict[str, Any]:
    """The same as Python data that `json.dumps(..., allow_nan=False)` takes."""
    errors = [] if problem is None else [problem_object(problem)]
    summary = {status.value: report.count(status) for status in Status}
    summary[Status.ERROR.value] += len(errors)
    return {
        "schema_version": SCHEMA_VERSION,
        "version": report.version,
        "seed": report.seed,
        "device": text(report.device),
        "summary": summary,
        "layers": [
            *(_module(error) for error in report.errors),
            *(_module(one.finding, (one,)) for one in report.suppressed),
            *(_layer(layer) for layer in report.layers),
        ],
        "errors": errors,
        "unused_ignores": [_unused(ignore) for ignore in report.unused_ignores],
        "notes": [text(note) for note in report.notes],
        "seconds": number(report.seconds),
    }


def _layer(layer: LayerReport) -> dict[str, Any]:
    return {
        "name": text(layer.name),
        "path": text(layer.path),
        "line": layer.line,
        "convention": text(layer.convention),
        "status": layer.status.value,
        "sensitivity": number(layer.sensitivity),
        "typical_sensitivity": number(layer.typical_sensitivity),
        "arguments": [_argument(argument) for argument in layer.arguments],
        "findings": [finding_object(finding) for finding in layer.findings],
        "suppressed": [_suppressed(one) for one in layer.suppressed],
        "witnesses": list(layer.witnesses),
        "notes": [text(note) for note in layer.notes],
        "checked": [text(what) for what in layer.checked],
        "draws": layer.draws,
        "equations": layer.equations,
        "seconds": number(layer.seconds),
        "cached": layer.cached,
        "reproduce": text(layer.reproduce),
        "script": text(layer.script),
        "failing_draw": None if layer.failing_draw is None else _draw(layer.failing_draw),
        "network": None if layer.network is None else network_object(layer.network),
    }


def _module(error: Finding, suppressed: tuple[Suppressed, ...] = ()) -> dict[str, Any]:
    """A module that does not load takes a layer's place, so that whoever reads layers alone learns of it.

    Where its error does not count, nobody knows whether the module is right: it is inconclusive.
    """
    return {
        "name": text(PurePath(error.path).stem),
        "path": text(error.path),
        "line": error.line or 1,
        "convention": MODULE,
        "status": (Status.INCONCLUSIVE if suppressed else Status.ERROR).value,
        "sensitivity": None,
        "typical_sensitivity": None,
        "arguments": [],
        "findings": [] if suppressed else [finding_object(error)],
        "suppressed": [_suppressed(one) for one in suppressed],
        "witnesses": [],
        "notes": [],
        "checked": [],
        "draws": 0,
        "equations": 0,
        "seconds": 0.0,
        "cached": False,
        "reproduce": "",
        "script": "",
        "failing_draw": None,
        "network": None,
    }


def _argument(argument: ArgumentReport) -> dict[str, Any]:
    return {
        "name": text(argument.name),
        "gradient_name": text(argument.gradient_name),
        "status": argument.status.value,
        "shape": [int(size) for size in argument.shape],
        "dimensions": [text(name) for name in argument.dimensions],
        "gradient_shape": None if argument.gradient_shape is None else [int(size) for size in argument.gradient_shape],
        "max_abs_error": number(argument.max_abs_error),
        "max_rel_error": number(argument.max_rel_error),
        "wrong": int(argument.wrong),
        "total": int(argument.total),
        "decided_by": argument.decided_by or None,
        "why": text(argument.why),
        "draw": argument.draw,
        "worst": [_element(element) for element in argument.worst],
    }


def _element(element: Element) -> dict[str, Any]:
    return {
        "index": _index(element.index),
        "yours": number(element.yours),
        "autodiff": number(element.autodiff),
        "finite_difference": number(element.finite_difference),
        "error_bar": number(element.error_bar),
        "tolerance": number(element.tolerance),
        "ratio": number(element.ratio),
    }


def finding_object(finding: Finding) -> dict[str, Any]:
    """One finding, as the schema has it."""
    return {
        "code": finding.code,
        "rule": finding.rule,
        "argument": None if finding.argument is None else text(finding.argument),
        "message": text(finding.message),
        "path": text(finding.path),
        "line": finding.line,
        "index": None if finding.index is None else _index(finding.index),
        "yours": number(finding.yours),
        "autodiff": number(finding.autodiff),
        "finite_difference": number(finding.finite_difference),
        "error_bar": number(finding.error_bar),
        "mend": None if finding.mend is None else text(finding.mend),
        "inputs": [_named(array) for array in finding.inputs],
        "blame": None if finding.blame is None else _blame(finding.blame),
    }


def _blame(blame: Blame) -> dict[str, Any]:
    return {
        "path": text(blame.path),
        "line": blame.line,
        "end_line": blame.end_line,
        "expression": text(blame.expression),
        "operand": text(blame.operand) or None,
        "factor": number(blame.factor),
        "explains": number(blame.explains),
        "source": text(blame.source),
        "is_part": blame.is_part,
    }


def _suppressed(one: Suppressed) -> dict[str, Any]:
    return {"by": text(one.by), "finding": finding_object(one.finding)}


def _unused(ignore: UnusedIgnore) -> dict[str, Any]:
    return {
        "path": text(ignore.path),
        "line": ignore.line,
        "ignore": text(ignore.ignore),
        "message": text(ignore.message),
        "mend": text(ignore.mend),
    }


def _draw(draw: DrawReport) -> dict[str, Any]:
    return {
        "index": draw.index,
        "seed": draw.seed,
        "dimensions": {text(name): int(size) for name, size in draw.dimensions},
        "arguments": [_named(array) for array in draw.arguments],
        "upstream": [_named(array) for array in draw.upstream],
    }


def _named(array: NamedArray) -> dict[str, Any]:
    """Arrays of up to `MOST_COPIED` elements with their values, others by shape and statistics."""
    common = {"name": text(array.name), "source": text(array.source)}
    value = array.value
    if not (hasattr(value, "dtype") and hasattr(value, "shape")):
        return {**common, "value": _plain(value)}
    try:
        known = np.asarray(value)
    except Exception:  # a stranger's __array__ may raise anything
        return {**common, "value": text(type(value).__name__)}
    described = {**common, "dtype": str(known.dtype), "shape": [int(size) for size in known.shape]}
    if known.size <= MOST_COPIED:
        return {**described, "value": _nested(known.tolist())}
    return {**described, "statistics": statistics(known, array.dimensions)}


def _nested(value: Any) -> Any:
    return [_nested(item) for item in value] if isinstance(value, list) else _plain(value)


def _plain(value: Any) -> Any:
    """A configuration value: JSON's own types as they are, anything else by its `repr`."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, (int, float, complex, np.number)):
        return number(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist") and getattr(value, "size", MOST_COPIED + 1) <= MOST_COPIED:
        return _nested(value.tolist())
    return text(_shown(value))


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # the user's own __repr__
        return f"<{type(value).__name__}>"


def _index(index: Sequence[int]) -> list[int]:
    return [int(position) for position in index]
