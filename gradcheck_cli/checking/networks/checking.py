"""A network's check: drawn, run, passed back, each layer judged where it stands; the whole held against differences."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from gradcheck_cli.checking.networks.judging import Checked, judged
from gradcheck_cli.checking.networks.standing import Judge
from gradcheck_cli.checking.networks.telling import argument_of, draw_of, findings_of, stage_of
from gradcheck_cli.checking.networks.whole import Entry, Slope, entries, slope
from gradcheck_cli.checking.options import EditedDraw
from gradcheck_cli.checking.record import command
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.graph.networks.drawing import Drawing
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import worst_status
from gradcheck_cli.judge.words import number, plural
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.networks.network import Network
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status
from gradcheck_cli.report.network.model import NetworkReport
from gradcheck_cli.tracing.trace import Trace, Untraceable

MANY = 32
"""Uses above which a network is drawn once: its layers are checked by themselves as well."""


def check_network(
    layer: Layer,
    inputs: InputOptions,
    settings: Settings,
    traces: Traces,
    device: str,
    step: Callable[[str], None],
    keep: Callable[[Checked, tuple[Entry, ...]], None] | None = None,
    edited: EditedDraw | None = None,
) -> LayerReport:
    """The verdict on a network.

    Args:
        keep: is given the draw that the report is on, and what goes into it.
        edited: this draw is checked alone.

    Raises:
        UserError: for layers that do not run on what the layers before them give.
    """
    started = time.perf_counter()
    network = layer.network
    assert network is not None
    drawing, judge = Drawing(network, inputs), Judge(traces, settings, device)
    draws = 1 if len(network.uses) > MANY else max(1, min(inputs.draws, 2))
    worst: Checked | None = None
    for index in range(draws) if edited is None else (edited.index,):
        step(f"draw {index + 1} of {draws}")
        if edited is None:
            checked = judged(drawing.take(index), judge, inputs.seed, index, step, partial(drawing.take, index))
        else:
            from gradcheck_cli.checking.networks.edited import taken_with

            checked = judged(taken_with(drawing, edited), judge, inputs.seed, index, step)
        if worst is None or worst_status([checked.status, worst.status]) is not worst.status:
            worst = checked
        if worst.status is Status.FAIL:
            break
    assert worst is not None
    going_in = entries(worst.forwarded)
    if keep is not None:
        keep(worst, going_in)
    expects = any(node.layer.expect for node in network.nodes)
    along = None if expects else slope(worst.forwarded, worst.passed, going_in, settings.max_evals)
    return _report(layer, network, worst, going_in, along, command(layer, inputs, settings), draws, started)


def _report(
    layer: Layer,
    network: Network,
    checked: Checked,
    going_in: tuple[Entry, ...],
    along: Slope | None,
    reproduce: str,
    draws: int,
    started: float,
) -> LayerReport:
    stages = tuple(stage_of(checked, position) for position in range(len(network.uses)))
    first = checked.first_wrong
    findings = findings_of(checked)
    notes = [*checked.forwarded.notes]
    for use, trace in zip(network.uses, checked.traces):
        if isinstance(trace, Untraceable):
            notes.append(f"`{use.name}` cannot be traced, and is judged by finite differences: {trace.reason}")
    notes += [f"`{stage.name}`: {stage.why}" for stage in stages if stage.why]
    status = checked.status
    if along is not None and not along.agrees and status is Status.PASS:
        status = Status.INCONCLUSIVE
        notes.append(
            "along a random direction of all inputs and parameters the network has the slope "
            f"{number(along.difference, 6)} ± {number(along.bar, 1)} by finite differences, and "
            f"{number(along.autodiff, 6)} through its layers one by one: an object that two layers share, or a kink"
        )
    return LayerReport(
        name=layer.name,
        path=str(layer.path),
        line=layer.line,
        convention=str(layer.convention),
        status=status,
        arguments=tuple(argument_of(checked, entry) for entry in going_in),
        findings=findings,
        witnesses=("yours", "autodiff", *(("finite differences",) if along is not None else ())),
        notes=tuple(dict.fromkeys(notes)),
        failing_draw=None if first is None else draw_of(checked, first),
        reproduce=reproduce if first is not None else "",
        checked=_held(network, along),
        draws=draws,
        seconds=time.perf_counter() - started,
        equations=sum(trace.equations for trace in checked.traces if isinstance(trace, Trace)),
        forward_line=layer.line,
        network=NetworkReport(
            stages,
            "" if first is None else network.uses[first].name,
            None if along is None else along.autodiff,
            None if along is None else along.difference,
            None if along is None else along.bar,
        ),
    )


def _held(network: Network, along: Slope | None) -> tuple[str, ...]:
    layers = f"{plural(len(network.uses), 'layer')} at the values that reach them"
    return (layers, *(("the whole by finite differences",) if along is not None and along.agrees else ()))
