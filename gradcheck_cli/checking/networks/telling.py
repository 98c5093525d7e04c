"""What a network's check says: each stage of the way back, the findings with their wires, the arrays that go in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.checking.networks.judging import Checked
from gradcheck_cli.checking.networks.standing import relative_error
from gradcheck_cli.checking.networks.whole import Entry, gradients
from gradcheck_cli.graph.networks.passing import Back
from gradcheck_cli.judge.words import gradient_name
from gradcheck_cli.layers.networks.network import Source
from gradcheck_cli.report.model import ArgumentReport, DrawReport, Finding, NamedArray, Status
from gradcheck_cli.report.network.model import Flow, Stage

REACHED = 1e-8
"""A gradient that is off by this share is one that a wrong layer's error has reached."""


def stage_of(checked: Checked, position: int) -> Stage:
    """One use of a layer on the way back."""
    forwarded, back = checked.forwarded, checked.passed.uses[position]
    network, ran = forwarded.network, forwarded.uses[position]
    use, standing = network.uses[position], checked.standings[position]
    node = network.node_of(use)
    flows = []
    for at, leaf in enumerate(ran.case.leaves):
        source = use.sources.get(leaf.argument)
        yours = None if back is None else back.yours[at]
        flows.append(
            Flow(
                argument=leaf.name,
                to="" if source is None else network.shown(source),
                shape=tuple(leaf.value.shape),
                size=None if yours is None else _size([yours]),
                received_shape=_other_shape(back, leaf.argument, leaf.path, leaf.value.shape),
                error=None if back is None or back.local is None else relative_error(yours, back.local[at]),
                through=None if back is None or back.whole is None else relative_error(yours, back.whole[at]),
                fan_out=1 if source is None else network.fan_out(source),
            )
        )
    return Stage(
        name=use.name,
        layer=node.layer.name,
        path=str(node.layer.path),
        line=node.layer.line,
        used_at=use.line,
        upstream_shapes=() if back is None else tuple(tuple(np.shape(each)) for each in back.upstream.flat),
        upstream_size=0.0 if back is None else _size(back.upstream.flat),
        flows=tuple(flows),
        status=standing.status,
        why=standing.why,
    )


def _other_shape(
    back: Back | None, argument: str, path: tuple[Any, ...], expected: tuple[int, ...]
) -> tuple[int, ...] | None:
    gradient = None if back is None or back.received is None or path else back.received.gradients.get(argument)
    shape = getattr(gradient, "shape", None)
    return tuple(shape) if shape is not None and tuple(shape) != tuple(expected) else None


def findings_of(checked: Checked) -> tuple[Finding, ...]:
    """Those of the first wrong layer on the way back first; each says which layer, and along which wire."""
    network, first = checked.forwarded.network, checked.first_wrong
    found = []
    for position in reversed(range(len(network.uses))):
        for finding in checked.standings[position].findings[: None if position == first else 1]:
            found.append(_in_network(checked, position, finding, is_first=position == first))
    return tuple(found)


def _in_network(checked: Checked, position: int, finding: Finding, *, is_first: bool) -> Finding:
    network = checked.forwarded.network
    use = network.uses[position]
    place = (
        f"`{use.name}` is the first layer on the way back that is wrong"
        if is_first
        else f"`{use.name}` is wrong too, for the upstream gradient that came in"
    )
    argument = finding.argument
    source = use.sources.get((argument or "").partition("[")[0].partition(".")[0])
    edge = "" if source is None else _edge(checked, position, argument or "", source)
    name = None if argument is None else f"{use.name}.{argument}"
    return replace(finding, message=f"{place}{edge}: {finding.message}", argument=name)


def _edge(checked: Checked, position: int, argument: str, source: Source) -> str:
    """What is wrong about a wire, as a part of the sentence."""
    network, back, ran = checked.forwarded.network, checked.passed.uses[position], checked.forwarded.uses[position]
    use, giver = network.uses[position], network.shown(source)
    adds = network.fan_out(source)
    sum_ = f", one of the {adds} that add up at `{giver}`" if adds > 1 else ""
    at = next((at for at, leaf in enumerate(ran.case.leaves) if leaf.name == argument), None)
    if at is not None and back is not None and back.local is not None and np.any(back.local[at] != 0):
        yours = back.yours[at]
        missing = yours is None and back.received is not None and back.received.gradients.get(argument) is None
        if missing or (yours is not None and not np.any(yours)):
            return f", nothing goes back along the edge `{giver}` → `{use.name}`{sum_}"
    name = gradient_name(network.node_of(use).layer, ran.case.leaves[at]) if at is not None else "the gradient"
    return f", in what it hands back along the edge `{giver}` → `{use.name}` (`{name}`{sum_})"


def argument_of(checked: Checked, entry: Entry) -> ArgumentReport:
    """The network's gradient of one array that goes in, against autodiff of the whole."""
    yours, whole = gradients(checked.passed, entry)
    leaf = entry.leaf
    error = relative_error(yours, whole)
    absolute = wrong = None
    if yours is not None and whole is not None:
        with np.errstate(all="ignore"):
            off = np.abs(yours - whole)
        absolute = float(np.max(off, initial=0.0))
        wrong = int(np.sum(~(off <= REACHED * np.max(np.abs(whole), initial=0.0))))
    failed = checked.first_wrong is not None and (error is None or bool(wrong))
    status = Status.FAIL if failed else Status.PASS if error is not None else Status.INCONCLUSIVE
    return ArgumentReport(
        name=leaf.name,
        gradient_name=entry.gradient_name,
        status=status,
        shape=tuple(leaf.value.shape),
        dimensions=leaf.dimensions if len(leaf.dimensions) == leaf.value.ndim else ("",) * leaf.value.ndim,
        max_abs_error=absolute,
        max_rel_error=error if absolute is not None else None,
        wrong=wrong or 0 if failed else 0,
        total=int(leaf.value.size),
        decided_by="autodiff" if error is not None else "",
        draw=checked.index,
        why="" if error is not None else "no gradient comes back to it",
    )


def draw_of(checked: Checked, position: int) -> DrawReport:
    """The inputs of the first wrong layer, where it stands."""
    ran, back = checked.forwarded.uses[position], checked.passed.uses[position]
    name = checked.forwarded.network.uses[position].name
    dimensions = {leaf.name: leaf.dimensions for leaf in ran.case.leaves}
    arguments = tuple(
        NamedArray(f"{name}.{argument}", value, dimensions.get(argument, ()), "what reaches it")
        for argument, value in ran.case.arguments.items()
    )
    upstream = () if back is None else back.upstream.cotangents
    called = ran.case.layer.upstream_names
    if len(called) != len(upstream):
        called = tuple(f"g{at + 1}" if len(upstream) > 1 else "g" for at in range(len(upstream)))
    named = tuple(NamedArray(f"{name}.{one}", value) for one, value in zip(called, upstream))
    return DrawReport(checked.index, checked.seed, arguments, named, tuple(ran.case.dimensions.items()))


def _size(values: Any) -> float:
    flat = np.concatenate([np.abs(np.asarray(value)).reshape(-1) for value in values]) if values else np.zeros(0)
    return float(np.sqrt(np.mean(flat**2))) if flat.size else 0.0
