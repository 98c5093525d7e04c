"""GC301, GC302: forward and backward leave what they are handed as it was."""

from __future__ import annotations

from collections.abc import Mapping

from gradcheck_cli.judge.contracts.comparing import equal
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.judge.words import index_text, number, plural
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import Role
from gradcheck_cli.layers.leaves import leaf_name
from gradcheck_cli.report.model import Finding
from gradcheck_cli.witnesses.conduct.changes import Change
from gradcheck_cli.witnesses.conduct.once_more import Place, Written
from gradcheck_cli.witnesses.conduct.situations import Gradients

NOWHERE = Place()


def input_changed(case: Case, written: Written, place: Place = NOWHERE) -> Finding:
    """GC301 for an argument or a parameter that a call changed; `place` is the line that wrote, where known."""
    role = next((item.role for item in case.layer.arguments if item.name == written.name), Role.INPUT)
    what = "its input" if role is Role.INPUT else "its parameter"
    name = leaf_name(written.name, written.change.path)
    message = f"the {written.by} changes {what} `{name}`: {_what(written.change)}"
    return _finding(case, "GC301", message, place, name, f"work on a copy: `{written.name} = {written.name}.copy()`")


def upstream_changed(case: Case, written: Written, place: Place = NOWHERE) -> Finding:
    """GC302 for an upstream gradient that the backward changed."""
    name = upstream_name(case, int(written.name))
    message = f"the backward changes the upstream gradient `{name}`: {_what(written.change)}"
    return _finding(case, "GC302", message, place, None, f"work on a copy: `{name} = {name}.copy()`")


def input_written(case: Case, argument: str | None, place: Place) -> Finding:
    """GC301 for a layer that raises where its arguments are read-only, because it writes into one of them."""
    what = f"`{argument}`" if argument else "an argument"
    message = f"the layer writes into {what}: with a read-only array it raises, as NumPy does for such a write"
    name = argument or "x"
    return _finding(case, "GC301", message, place, argument, f"work on a copy: `{name} = {name}.copy()`")


def upstream_written(case: Case, place: Place) -> Finding:
    """GC302 for a backward that raises where the upstream gradient is read-only, because it writes into it."""
    name = upstream_name(case, 0)
    message = f"the backward writes into `{name}`: with a read-only upstream gradient it raises"
    return _finding(case, "GC302", message, place, None, f"work on a copy: `{name} = {name}.copy()`")


def updated_too_early(verdict: DrawVerdict, without: Gradients) -> tuple[Finding, ...]:
    """GC301 for gradients that are wrong because the backward uses a parameter after it has updated it.

    Args:
        without: the gradients of the same backward where it updates nothing.
    """
    case, found = verdict.case, []
    name, update, use = case.layer.early_updates[0]
    for leaf, still in zip(verdict.leaves, without):
        if leaf.yours is None or equal(leaf.yours, still, leaf) or not equal(still, leaf.reference, leaf):
            continue
        message = (
            f"the backward updates `{name}` (line {update}) before it uses it (line {use}): "
            f"`{leaf.received.name}` is that of the updated layer, and right where nothing is updated"
        )
        mend = f"compute `{leaf.received.name}` first, and update `{name}` last"
        place = Place(case.layer.path, update)
        found.append(_finding(case, "GC301", message, place, leaf.received.leaf.name, mend))
    return tuple(found)


def upstream_name(case: Case, position: int = 0) -> str:
    """What the user calls an upstream gradient."""
    names = case.layer.upstream_names
    return names[position] if position < len(names) else "dout"


def _what(change: Change) -> str:
    if change.after is None:
        kinds: Mapping[type, str] = {list: "it has another length", tuple: "it has another length"}
        return kinds.get(type(change.before), "it is gone")
    positions = change.elements
    if positions.size == 0:
        return "another array, of another shape or dtype, stands in its place"
    position = int(positions[0])
    before, after = change.before.reshape(-1)[position], change.after.reshape(-1)[position]
    shape = change.before.shape
    index = index_text(tuple(int(axis) for axis in _unravel(position, shape))) if shape else ""
    numbers = f"{number(before.item())} became {number(after.item())}" if before.dtype.kind in "fciu" else "it changed"
    of = f"{positions.size:,} of {plural(change.before.size, 'element')}, first at {index}: " if index else ""
    return of + numbers


def _unravel(position: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    index = []
    for size in reversed(shape):
        position, rest = divmod(position, size)
        index.append(rest)
    return tuple(reversed(index))


def _finding(case: Case, code: str, message: str, place: Place, argument: str | None, mend: str) -> Finding:
    here = place.line is not None
    return Finding(
        code,
        message,
        str(place.path if here and place.path is not None else case.layer.path),
        place.line if here else case.layer.line,
        argument,
        mend=mend,
    )
