"""A training as one JSON document."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from gradcheck_cli.report.json import finding_object
from gradcheck_cli.report.json_values import number, text
from gradcheck_cli.report.training.model import (
    LayerNorms,
    OverfitReport,
    OverfitTry,
    TrainedParameter,
    Training,
    TrainingCause,
)

SCHEMA_VERSION = 1


def training_json(training: Training) -> str:
    """One JSON document, ending in a line break; numbers that are not finite are strings."""
    return json.dumps(training_object(training), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def training_object(training: Training) -> dict[str, Any]:
    """The same as Python data."""
    rule = training.rule
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "training",
        "version": training.version,
        "name": text(training.name),
        "path": text(training.path),
        "line": training.line,
        "seed": training.seed,
        "status": training.status.value,
        "verdict": text(training.verdict),
        "steps": training.steps,
        "steps_asked": training.asked,
        "lr": training.rate,
        "batch": training.batch,
        "examples": training.examples,
        "update": {
            "name": text(rule.name),
            "line": rule.line,
            "form": rule.form,
            "departs_at_step": rule.departs,
            "departs_at_parameter": text(rule.parameter),
            "factor": number(rule.factor),
        },
        "losses": {
            "yours": [number(loss) for loss in training.losses_yours],
            "autodiff": [number(loss) for loss in training.losses_autodiff],
        },
        "cause": None if training.cause is None else _cause(training.cause),
        "parameters": [_parameter(one) for one in training.parameters],
        "layers": [_layer(one) for one in training.layers],
        "flow": text(training.flow),
        "ends": [
            {"run": end.run, "step": end.step, "layer": text(end.layer), "what": text(end.what)}
            for end in training.ends
        ],
        "overfit": None if training.overfit is None else _overfit(training.overfit),
        "notes": [text(note) for note in training.notes],
        "seconds": round(training.seconds, 3),
    }


def _cause(cause: TrainingCause) -> dict[str, Any]:
    return {
        "step": cause.step,
        "layer": text(cause.layer),
        "parameter": text(cause.parameter),
        "path": text(cause.path),
        "line": cause.line,
        "findings": [finding_object(finding) for finding in cause.findings],
    }


def _parameter(one: TrainedParameter) -> dict[str, Any]:
    return {
        "name": text(one.name),
        "layer": text(one.layer),
        "shape": list(one.shape),
        "gradient_differs_at_step": one.differs,
        "gradient_error": number(one.error),
        "parts_after_step": one.parts,
        "difference": number(one.difference),
        "rounding": number(one.rounding),
        "start": _array(one.start),
        "yours": _array(one.yours),
        "autodiff": _array(one.autodiff),
    }


def _layer(one: LayerNorms) -> dict[str, Any]:
    return {
        "layer": text(one.layer),
        "yours": [number(norm) for norm in one.yours],
        "autodiff": [number(norm) for norm in one.autodiff],
    }


def _overfit(found: OverfitReport) -> dict[str, Any]:
    return {
        "examples": found.examples,
        "start": number(found.start),
        "share": found.share,
        "yours": _try(found.yours, fits=found.fits_yours),
        "autodiff": _try(found.autodiff, fits=found.fits_autodiff),
    }


def _try(found: OverfitTry | None, *, fits: bool) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"lr": found.rate, "share": number(found.share), "steps": found.steps, "fits": fits}


def _array(array: Any) -> Any:
    """Nested lists; None for a large array."""
    if array is None:
        return None
    return _nested(np.asarray(array).astype(np.float64).tolist())


def _nested(value: Any) -> Any:
    return [_nested(item) for item in value] if isinstance(value, list) else number(value)
