"""What a Jacobian is made of: recognisers from the simplest to the most general, and what holds at every draw."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from gradcheck_cli.graph.jacobians import blocks as in_blocks
from gradcheck_cli.graph.jacobians import patterns, ranks, simple, spreads
from gradcheck_cli.graph.jacobians.entries import as_tensor, entries
from gradcheck_cli.graph.jacobians.seen import Seen
from gradcheck_cli.report.jacobian.model import Structure

Recogniser = Callable[[Seen], list[Structure]]
"""All readings of one kind, the most telling first; none where it is not of that kind."""


def equal_blocks(seen: Seen) -> list[Structure]:
    """Equal blocks, which are recognised in turn."""
    return in_blocks.equal_blocks(seen, lambda block: list(_readings(block)))


def any_blocks(seen: Seen) -> list[Structure]:
    """Blocks, each of which is recognised in turn."""
    return in_blocks.any_blocks(seen, lambda block: list(_readings(block)))


def gated(seen: Seen) -> list[Structure]:
    """An activation's derivative before what stands in front of the activation: `diag(1 - z²) (I_N ⊗ Wᵀ)`."""
    found = []
    for entry in entries(seen):
        if len(entry.parts) != 2 or entry.parts[0].factor.named.name != seen.output.name:
            continue
        behind = replace(seen, matrix=as_tensor(replace(entry, parts=entry.parts[1:]), seen).reshape(seen.matrix.shape))
        by = entry.parts[0].factor.text(seen.output.name)
        gate = f"diag({by[1:-1] if by.startswith('(') and by.count('(') == 1 else by})"
        for recogniser in (simple.matrix_of_argument, spreads.spread, equal_blocks):
            for one in recogniser(behind):
                inner = f"({one.notation})" if " " in one.notation else one.notation
                told = f"{one.sentence} Then element by element, times {by}."
                found.append(Structure("gated", f"{one.name}, gated", f"{gate} {inner}", told))
    return found


RECOGNISERS: tuple[Recogniser, ...] = (
    simple.zero,
    simple.number,
    simple.identity,
    simple.scaled_identity,
    simple.diagonal,
    simple.transposition,
    simple.permutation,
    simple.ones,
    simple.matrix_of_argument,
    spreads.spread,
    ranks.known_form,
    patterns.triangular,
    equal_blocks,
    simple.selection,
    gated,
    any_blocks,
    simple.one_row,
    patterns.convolution,
    patterns.windows,
    patterns.banded,
    ranks.diagonal_and_rank_one,
    ranks.low_rank,
    ranks.sparse,
    ranks.dense,
)


def recognise(draws: Sequence[Seen]) -> Structure:
    """The first structure that every draw has.

    What one draw shows by chance (an entry that equals an array's, a ReLU of which all units are open) the other
    does not.
    """
    telling = in_order_of_telling(draws)
    first, others = telling[0], [other for other in telling[1:] if other.scale > 0] or telling[1:]
    for recogniser in RECOGNISERS:
        found = recogniser(first)
        if not found:
            continue
        known = [{_key(one) for one in recogniser(other)} for other in others]
        for structure in found:
            if all(_key(structure) in keys for keys in known):
                return structure
    return ranks.dense(first)[0]


def in_order_of_telling(draws: Sequence[Seen]) -> list[Seen]:
    """Draws whose Jacobian is zero last: one at which every unit is shut says nothing of the gates."""
    return sorted(draws, key=lambda seen: seen.scale == 0)


def _readings(seen: Seen) -> Iterator[list[Structure]]:
    """Of each recogniser that has some; a block's are asked for once for each of the others."""
    known: list[list[Structure]] = seen.known.setdefault("readings", [])
    tried: list[Recogniser] = seen.known.setdefault("tried", [])
    yield from known
    for recogniser in RECOGNISERS[len(tried) :]:
        tried.append(recogniser)
        if found := recogniser(seen):
            known.append(found)
            yield found


def _key(structure: Structure) -> tuple[str, str, str]:
    """What must agree between draws; numbers may differ."""
    return structure.kind, _without_numbers(structure.name), _without_numbers(structure.notation)


def _without_numbers(text: str) -> str:
    return re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "#", text)
