"""A network's backward pass as JSON; `docs/report.schema.json` says what each key means."""

from __future__ import annotations

from typing import Any

from gradcheck_cli.report.json_values import number, text
from gradcheck_cli.report.network.model import Flow, NetworkReport, Stage


def network_object(network: NetworkReport) -> dict[str, Any]:
    """The same as Python data that `json.dumps(..., allow_nan=False)` takes; stages in the order of the forward."""
    return {
        "first_wrong": text(network.first_wrong) or None,
        "stages": [_stage(stage) for stage in network.stages],
        "directional": None
        if network.difference is None
        else {
            "autodiff": number(network.slope),
            "finite_difference": number(network.difference),
            "error_bar": number(network.bar),
        },
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "name": text(stage.name),
        "layer": text(stage.layer),
        "path": text(stage.path),
        "line": stage.line,
        "used_at": stage.used_at,
        "status": stage.status.value,
        "why": text(stage.why),
        "upstream": {"shapes": [list(shape) for shape in stage.upstream_shapes], "size": number(stage.upstream_size)},
        "downstream": [_flow(flow) for flow in stage.flows],
    }


def _flow(flow: Flow) -> dict[str, Any]:
    return {
        "argument": text(flow.argument),
        "to": text(flow.to) or None,
        "fan_out": flow.fan_out,
        "shape": list(flow.shape),
        "received_shape": None if flow.received_shape is None else list(flow.received_shape),
        "size": number(flow.size),
        "error": number(flow.error),
        "error_so_far": number(flow.through),
    }
