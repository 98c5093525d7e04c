"""How an error grew on its way back through a network, and what each layer adds to it at one element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck_cli.inspector.session import Dug
from gradcheck_cli.report.model import Status
from gradcheck_cli.report.network.model import NetworkReport, Stage

RIGHT_IN_A_ROW = 4
"""Of more layers that are right and stand behind each other only the ends are told."""


@dataclass(frozen=True)
class Row:
    """A layer on the way back.

    Attributes:
        own: its own error, relative to the largest element; None where it is not known.
        so_far: the error of what it hands back, against autodiff of the whole.
        adds: to the error of the element; None where that is not known.
        left_out: it stands for so many layers that are right.
    """

    name: str
    status: Status
    own: float | None = None
    so_far: float | None = None
    adds: float | None = None
    left_out: int = 0


def rows_of(network: NetworkReport, dug: Dug, gradient: str) -> list[Row]:
    """The layers on the way back to a gradient, the last layer of the network first.

    Args:
        gradient: of the network, as its leaf is called: `x`, or `fc.w`.
    """
    adds = None if dug.growth is None else {each.layer: each.value for each in dug.growth}
    found = [
        Row(
            stage.name,
            stage.status,
            _most([flow.error for flow in stage.flows]),
            _most([flow.through for flow in stage.flows]),
            None if adds is None else adds.get(stage.name, 0.0),
        )
        for stage in reversed(_on_the_way(network.stages, gradient))
    ]
    return _shorter(found)


def _on_the_way(stages: Sequence[Stage], gradient: str) -> Sequence[Stage]:
    """From the first layer that has this parameter on; all of them for an input of the network."""
    own = [
        at
        for at, stage in enumerate(stages)
        if any(f"{stage.name}.{flow.argument}" == gradient for flow in stage.flows)
    ]
    return stages[own[0] :] if own else stages


def _most(errors: Sequence[float | None]) -> float | None:
    known = [error for error in errors if error is not None]
    return max(known) if known else None


def _shorter(rows: list[Row]) -> list[Row]:
    found: list[Row] = []
    at = 0
    while at < len(rows):
        end = at
        while end < len(rows) and rows[end].status is Status.PASS:
            end += 1
        if end - at > RIGHT_IN_A_ROW:
            found += [rows[at], Row("", Status.PASS, left_out=end - at - 2), rows[end - 1]]
        else:
            found += rows[at:end]
        found += rows[end : end + 1]
        at = end + 1
    return found
