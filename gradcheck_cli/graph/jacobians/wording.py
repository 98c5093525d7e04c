"""An element's formula with letters for indices, and the same for one element, with its number."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from gradcheck_cli.graph.jacobians.entries import Entry, Part
from gradcheck_cli.graph.jacobians.seen import ROUNDING, Seen, constant, number

_MOST_LOOKED_AT = 20_000


def letters(seen: Seen, pairs: Sequence[tuple[int, int]]) -> dict[int, str]:
    """A letter for each axis of the tensor that is longer than one: `i`, `j` for the argument, then for the output.

    A first axis that both share (a batch) gets `n` and `m`.
    """
    count, ndim = seen.output.value.ndim, seen.argument.value.ndim
    found: dict[int, str] = {}
    long = [axis for axis in range(count + ndim) if (seen.output.shape + seen.argument.shape)[axis] > 1]
    outs, ins = [axis for axis in long if axis < count], [axis for axis in long if axis >= count]
    free = iter("ijklpqrstuvw")
    if len(outs) > 1 and len(ins) > 1 and (outs[0], ins[0] - count) in pairs:
        found[outs[0]], found[ins[0]] = "n", "m"
    for axis in ins + outs:
        if axis not in found:
            found[axis] = next(free)
    return found


def formula(entry: Entry, seen: Seen) -> str:
    """`∂z_nj/∂x_mi = I[n = m] W_ij`."""
    names = letters(seen, entry.pairs)
    count = seen.output.value.ndim
    if entry.constant == 0:
        return f"{head(seen, names)} = 0"
    terms = [f"I[{names[p]} = {names[count + q]}]" for p, q in entry.pairs]
    of_pair = {p: count + q for p, q in entry.pairs}
    parts = [_part(part, seen, names, of_pair) for part in entry.parts]
    return f"{head(seen, names)} = {_joined(entry, seen, terms, parts)}"


def _joined(entry: Entry, seen: Seen, terms: Sequence[str], parts: Sequence[str]) -> str:
    found = [*terms, *parts]
    if entry.constant == 1 and found:
        return " ".join(found)
    if entry.constant == -1 and found:
        return "-" + " ".join(found)
    factor = constant(entry.constant, seen)
    return " ".join([*terms, factor, *parts]) if not factor.startswith("-") else " ".join([factor, *found])


def _part(part: Part, seen: Seen, names: Mapping[int, str], of_pair: Mapping[int, int]) -> str:
    is_argument = part.factor.named.name == seen.argument.name
    axes = [of_pair.get(axis, axis) if is_argument else axis for axis in part.axes if axis is not None]
    name = part.factor.named.name
    return part.factor.text(name + ("_" + "".join(names[axis] for axis in axes) if axes else ""))


def head(seen: Seen, names: Mapping[int, str]) -> str:
    """`∂z_j/∂x_i`."""
    count = seen.output.value.ndim
    out = "".join(names[axis] for axis in range(count) if axis in names)
    given = "".join(names[axis] for axis in range(count, count + seen.argument.value.ndim) if axis in names)
    return f"∂{seen.output.name}{'_' + out if out else ''}/∂{seen.argument.name}{'_' + given if given else ''}"


def element(seen: Seen, index: Sequence[int]) -> str:
    """`∂z[0,1]/∂x[0,2]`."""
    count = seen.output.value.ndim
    return f"∂{at(seen.output.name, index[:count])}/∂{at(seen.argument.name, index[count:])}"


def at(name: str, index: Sequence[int]) -> str:
    """`W[2,1]`; the name alone for a scalar."""
    return f"{name}[{','.join(map(str, map(int, index)))}]" if len(index) else name


def examples(entry: Entry | None, seen: Seen, notation: str = "") -> tuple[str, ...]:
    """One element that is not zero, and, where indices must agree or a gate may be shut, one that is.

    Args:
        notation: of the structure: the array in it is looked up where no product was found.
    """
    index = telling(seen, entry.pairs if entry else ())
    if index is None:
        return ()
    found = [_example(entry, seen, index) if entry is not None else _looked_up(seen, index, notation)]
    if entry is not None and (shut := _shut(entry, seen)) is not None:
        found.append(_example(entry, seen, shut))
    if entry is not None and entry.pairs and (off := _disagreeing(entry, seen, index)) is not None:
        names, count = letters(seen, entry.pairs), seen.output.value.ndim
        p, q = entry.pairs[-1]
        found.append(f"{element(seen, off)} = 0, for {names[p]} ≠ {names[count + q]}")
    return tuple(found)


def telling(seen: Seen, pairs: Sequence[tuple[int, int]]) -> tuple[int, ...] | None:
    """The index of an entry that is not zero and whose indices differ, so that it shows which goes where."""
    tensor, count = seen.tensor, seen.output.value.ndim
    # entries that are large enough to read
    candidates = np.argwhere(np.abs(tensor) > max(1e-2, ROUNDING) * seen.scale)[:_MOST_LOOKED_AT]
    if not len(candidates):
        return None
    paired = {count + q for _, q in pairs}
    long = [axis for axis in range(tensor.ndim) if tensor.shape[axis] > 1 and axis not in paired]
    clashes = np.zeros(len(candidates), int)
    for first, second in itertools.combinations(long, 2):
        clashes += candidates[:, first] == candidates[:, second]
    total = candidates[:, long].sum(axis=1)
    best = min(range(len(candidates)), key=lambda k: (clashes[k], total[k], tuple(candidates[k])))
    return tuple(int(position) for position in candidates[best])


def _example(entry: Entry, seen: Seen, index: tuple[int, ...]) -> str:
    value = number(float(seen.tensor[index]))
    if not entry.parts and entry.constant in (0, 1, -1):
        return f"{element(seen, index)} = {value}"
    parts = [
        part.factor.text(at(part.factor.named.name, [0 if axis is None else index[axis] for axis in part.axes]))
        for part in entry.parts
    ]
    text = _joined(entry, seen, (), parts)
    return f"{element(seen, index)} = {text}" + (f" = {value}" if text != value else "")


def _looked_up(seen: Seen, index: tuple[int, ...], notation: str) -> str:
    value = float(seen.tensor[index])
    for named in seen.arrays:
        places = np.argwhere(np.abs(named.value - value) <= ROUNDING * seen.scale)
        is_told = any(f"{pattern}({named.name})" in notation for pattern in ("Toeplitz", "im2col"))
        if is_told and named.name != seen.argument.name and len(places) == 1:
            return f"{element(seen, index)} = {at(named.name, places[0])} = {number(value)}"
    return f"{element(seen, index)} = {number(value)}"


def _shut(entry: Entry, seen: Seen) -> tuple[int, ...] | None:
    """Where all indices agree and a gate `I[x > 0]` is zero."""
    gate = next((part for part in entry.parts if part.factor.template.startswith("I[")), None)
    if gate is None:
        return None
    closed = np.argwhere(gate.factor.values == 0)
    if not len(closed):
        return None
    index = [0] * seen.tensor.ndim
    for axis, position in zip(gate.axes, closed[0]):
        if axis is not None:
            index[axis] = int(position)
    count = seen.output.value.ndim
    for p, q in entry.pairs:
        index[count + q] = index[p]
    return tuple(index)


def _disagreeing(entry: Entry, seen: Seen, index: tuple[int, ...]) -> tuple[int, ...] | None:
    count = seen.output.value.ndim
    p, q = entry.pairs[-1]
    length = seen.tensor.shape[p]
    changed = list(index)
    changed[count + q] = (index[p] + 1) % length
    return tuple(changed)
