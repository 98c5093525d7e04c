"""Which gates a page shows: all of a small graph; of a loop its first and its last turn; of a large one the ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck_cli.report.graph.model import Gate

FEWEST_TURNS = 4
"""Turns of a loop from which on those in the middle are left out."""

LONGEST_TURN = 64
"""Gates of the longest turn that is looked for."""

FOLD_FROM = 24
"""Graphs of fewer gates are shown as they are."""


@dataclass(frozen=True)
class Left:
    """Gates that are left out in this place.

    Attributes:
        gates: how many.
        turns: how many turns of a loop they are; 0 where they are none.
    """

    gates: int
    turns: int = 0

    @property
    def words(self) -> str:
        """`the same 3 gates 24,998 times more`; "" where it is no loop."""
        if not self.turns:
            return ""
        each = self.gates // self.turns
        return f"the same {each} gate{'s' if each > 1 else ''} {self.turns:,} times more"


def shown_gates(gates: Sequence[Gate], most: int, *, everything: bool = False) -> list[Gate | Left]:
    """The gates that are shown, in their order, and what is left out between them."""
    if everything or len(gates) < FOLD_FROM:
        return list(gates)
    rows = _folded(gates)
    if len(rows) <= most:
        return rows
    first, last = rows[: most // 2], rows[-(most // 2) :]
    return [*first, Left(sum(_count(row) for row in rows[most // 2 : -(most // 2)])), *last]


def _count(row: Gate | Left) -> int:
    return row.gates if isinstance(row, Left) else 1


def _folded(gates: Sequence[Gate]) -> list[Gate | Left]:
    kinds = [_kind(gate) for gate in gates]
    rows: list[Gate | Left] = []
    at = 0
    while at < len(gates):
        period, turns = _loop(kinds, at)
        if turns < FEWEST_TURNS:
            rows.append(gates[at])
            at += 1
            continue
        end = at + period * turns
        rows += [*gates[at : at + period], Left(period * (turns - 2), turns - 2), *gates[end - period : end]]
        at = end
    return rows


def _loop(kinds: Sequence[Any], at: int) -> tuple[int, int]:
    """The length of the turns that begin here, and how many there are; the shortest that repeats."""
    for period in range(1, min(LONGEST_TURN, (len(kinds) - at) // FEWEST_TURNS) + 1):
        end = at + period
        while end < len(kinds) and kinds[end] == kinds[end - period]:
            end += 1
        turns = (end - at) // period
        if turns >= FEWEST_TURNS:
            return period, turns
    return 1, 1


def _kind(gate: Gate) -> Any:
    """The same for the same gate in another turn of a loop: what it does, and where that is written."""
    return gate.operation, gate.expression, gate.line, gate.pattern, len(gate.inputs)
