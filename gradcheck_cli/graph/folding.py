"""Which calls are one gate and which are opened; runs of gates that the user wants to see as one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.building import Tree
from gradcheck_cli.graph.operations import is_one
from gradcheck_cli.report.graph.model import Gate, Graph

EVERYTHING = "all"

CHAINS = {"sigmoid": ("negate", "exp", "add a constant", "reciprocal")}
"""Chains of gates that have a name of their own."""


def folded(graph: Graph, expand: Sequence[str] = (), collapse: Sequence[str] = ()) -> Graph:
    """The graph with these calls opened and these runs made one.

    Args:
        expand: functions by name, gates by number, or `all`.
        collapse: `NAME=FIRST-LAST`, or the name of a chain or of a function.

    Raises:
        UserError: for what is not there.
    """
    gates = [_opened(gate, set(expand)) for gate in graph.gates]
    graph = replace(graph, gates=tuple(gates))
    unknown = [name for name in expand if name != EVERYTHING and not _is_there(graph.gates, name)]
    if unknown:
        names = sorted({gate.operation for gate in _calls(graph.gates)})
        mend = f"it can open {', '.join(names)}, or `--expand all`" if names else "nothing here is folded"
        raise UserError(f"`--expand {unknown[0]}`: no gate of that name is folded", mend=mend)
    for told in collapse:
        graph = replace(graph, gates=tuple(_collapsed(graph, told)))
    return graph


def _opened(gate: Gate, names: set[str]) -> Gate:
    if not gate.parts:
        return gate
    is_open = EVERYTHING in names or gate.operation in names or str(gate.number) in names
    return replace(gate, folded=not is_open, parts=tuple(_opened(part, names) for part in gate.parts))


def _calls(gates: Sequence[Gate]) -> list[Gate]:
    return [found for gate in gates if gate.parts for found in (gate, *_calls(gate.parts))]


def _is_there(gates: Sequence[Gate], name: str) -> bool:
    return any(name in (gate.operation, str(gate.number)) for gate in _calls(gates))


def _collapsed(graph: Graph, told: str) -> list[Gate]:
    shown = list(graph.shown())
    match = re.fullmatch(r"(?:(?P<name>[^=]+)=)?(?P<first>\d+)-(?P<last>\d+)", told)
    if match:
        first, last = int(match["first"]), int(match["last"])
        inside = [position for position, gate in enumerate(shown) if first <= gate.number <= last]
        if not inside:
            raise UserError(
                f"`--collapse {told}`: no gates {first} to {last}", mend=f"they are numbered up to {shown[-1].number}"
            )
        return _with_run(graph, shown, inside, match["name"] or "block")
    chain = CHAINS.get(told)
    found = _chain(shown, chain) if chain else None
    if found is None:
        if any(gate.operation == told for gate in _calls(graph.gates)):
            return list(graph.gates)
        raise UserError(
            f"`--collapse {told}`: no such function or chain of gates is here",
            mend="say which gates, such as `--collapse sigmoid=10-13`",
        )
    return _with_run(graph, shown, found, told)


def _with_run(graph: Graph, shown: list[Gate], inside: list[int], name: str) -> list[Gate]:
    joined = Tree(graph.wires, shown, graph.outputs).call(name, [shown[position] for position in inside])
    before, after = shown[: inside[0]], shown[inside[-1] + 1 :]
    between = [shown[position] for position in range(inside[0], inside[-1]) if position not in inside]
    return [*before, *between, joined, *after]


def _chain(shown: Sequence[Gate], names: Sequence[str]) -> list[int] | None:
    """Positions of gates of these names, each fed by the one before and by nothing else."""
    for start, gate in enumerate(shown):
        found = [start]
        while gate.operation == names[len(found) - 1] and len(found) < len(names):
            following = [
                position
                for position in range(found[-1] + 1, len(shown))
                if any(port.wire in gate.outputs for port in shown[position].inputs)
            ]
            if len(following) != 1 or shown[following[0]].operation != names[len(found)]:
                break
            found.append(following[0])
            gate = shown[following[0]]
        if len(found) == len(names) and _adds_one(shown, found):
            return found
    return None


def _adds_one(shown: Sequence[Gate], chain: Sequence[int]) -> bool:
    """Whether the constants in it are ones, as a sigmoid's are."""
    constants = [port.constant for position in chain for port in shown[position].inputs if port.wire is None]
    return all(constant is not None and is_one(constant) for constant in constants)
