"""A network's way back as rows of plain text, last layer first: what came in, what each layer handed back."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.model import Status
from gradcheck_cli.report.network.model import Flow, NetworkReport, Stage
from gradcheck_cli.report.numbers import brief, counted

TITLES = ("layer", "gradient of", "goes to", "shape", "size", "own error", "error so far")
OWN_ERROR = 4
"""Its position among a row's cells."""

LEGEND = (
    "size: root mean square · own error: of this layer alone, for the upstream gradient that came in · error so far: "
    "against autodiff of the whole network, both relative to the largest element"
)
FEW = 12
"""Stages above which only those around a wrong one, the first and the last are shown."""

NOTABLE = 1e-9
"""An own error above this, relative to the largest element, is what a wrong layer is wrong by."""

AROUND = 2
ENDS = 2


@dataclass(frozen=True)
class StageRow:
    """One row; `layer` is "" for all but a stage's first gradient. `left_out` rows stand for several right stages.

    `wrong`: this is the gradient that is wrong, of a stage that is.
    """

    status: Status
    layer: str
    cells: tuple[str, ...] = ()
    left_out: bool = False
    wrong: bool = False


def stage_rows(network: NetworkReport, *, every: bool = False) -> list[StageRow]:
    """The rows; with `every`, those of right layers in the middle of a long network too."""
    stages = list(reversed(network.stages))
    shown = set(range(len(stages))) if every or len(stages) <= FEW else _telling(stages)
    rows: list[StageRow] = []
    left_out = 0
    for position, stage in enumerate(stages):
        if position not in shown:
            left_out += 1
            continue
        if left_out:
            rows.append(StageRow(Status.PASS, counted(left_out, "more layer"), left_out=True))
            left_out = 0
        rows += _rows(stage)
    return rows


def upstream_text(network: NetworkReport) -> str:
    """`1 into softmax_loss`: the gradient that the way back begins with."""
    last = network.stages[-1]
    if not last.upstream_shapes:
        return ""
    shapes = ", ".join(_shape(shape) for shape in last.upstream_shapes)
    return (
        f"an upstream gradient of shape {shapes} and size {brief(last.upstream_size)} goes into {one_line(last.name)}"
    )


def _telling(stages: list[Stage]) -> set[int]:
    last = len(stages) - 1
    wrong = [position for position, stage in enumerate(stages) if stage.status in (Status.FAIL, Status.ERROR)]
    near = {at for position in wrong[:3] for at in range(position - AROUND, position + AROUND + 1)}
    return {at for at in near if 0 <= at <= last} | set(range(ENDS)) | set(range(last - ENDS + 1, last + 1))


def _rows(stage: Stage) -> list[StageRow]:
    if not stage.flows:
        return [StageRow(stage.status, one_line(stage.name), ("",) * (len(TITLES) - 1))]
    return [
        StageRow(
            stage.status, one_line(stage.name) if position == 0 else "", _cells(flow), wrong=_is_wrong(stage, flow)
        )
        for position, flow in enumerate(stage.flows)
    ]


def _is_wrong(stage: Stage, flow: Flow) -> bool:
    return stage.status is Status.FAIL and (flow.error is None or not flow.error <= NOTABLE)


def _cells(flow: Flow) -> tuple[str, ...]:
    to = one_line(flow.to)
    if flow.fan_out > 1:
        to += f" (1 of {flow.fan_out} that add)"
    shape = _shape(flow.shape)
    if flow.received_shape is not None:
        shape = f"{_shape(flow.received_shape)}, not {shape}"
    return one_line(flow.argument), to, shape, brief(flow.size), brief(flow.error), brief(flow.through)


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "1"
