"""Each output from one input (broadcasting), or each input into one output (sums): Kronecker products of 1 and I."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck_cli.graph.jacobians.entries import Entry, entries
from gradcheck_cli.graph.jacobians.seen import Seen, constant
from gradcheck_cli.report.jacobian.model import Structure


def spread(seen: Seen) -> list[Structure]:
    """`1 ⊗ I_M` (a bias), `I_N ⊗ 1ᵀ` (a sum), `diag(x) (1 ⊗ I)` (a scale for each column)."""
    found = []
    count = seen.output.value.ndim
    for entry in entries(seen):
        out_axes = [axis for axis, length in enumerate(seen.output.shape) if length > 1]
        in_axes = [axis for axis, length in enumerate(seen.argument.shape) if length > 1]
        copied = [p for p in out_axes if p not in {p for p, _ in entry.pairs}]
        summed = [q for q in in_axes if q not in {q for _, q in entry.pairs}]
        # with neither it is diagonal, with both a matrix
        if not entry.pairs or bool(copied) == bool(summed):
            continue
        if any(axis is not None and axis >= count and axis - count in summed and copied for axis in _axes(entry)):
            continue
        if entry.parts and {axis for axis in _axes(entry) if axis is not None} <= (
            set(copied) if copied else {count + q for q in summed}
        ):
            continue  # `x ⊗ I`: the factor is in the pattern
        pattern = _kronecker(seen, entry, copied, summed)
        found.append(_worded(seen, entry, pattern, copied))
    return found


def _axes(entry: Entry) -> list[int | None]:
    return [axis for part in entry.parts for axis in part.axes]


def _worded(seen: Seen, entry: Entry, pattern: str, copied: Sequence[int]) -> Structure:
    scale = "" if entry.constant == 1 else "-" if entry.constant == -1 else f"{constant(entry.constant, seen)} "
    by = " ".join(part.factor.text(part.factor.named.name) for part in entry.parts)
    gate = f"diag({by[1:-1] if by.startswith('(') and by.count('(') == 1 and by.endswith(')') else by})"
    argument, output = seen.argument.name, seen.output.name
    if copied:
        told = f"Each element of {argument} goes to several elements of {output}: its gradients add"
        told += f", each times {by}." if by else "."
        name = f"broadcast, times {by}" if by else "broadcast"
    else:
        told = f"Each element of {output} adds several elements of {argument}: all get its gradient"
        told += f", each times {by}." if by else "."
        name = f"sum, times {by}" if by else "sum" if abs(entry.constant) == 1 else "sum, scaled"
    notation = ""
    if pattern:
        inner = f"({pattern})" if by or scale else pattern
        notation = scale + (f"{gate} {inner}" if by and copied else f"{inner} {gate}" if by else inner)
    return Structure("broadcast" if copied else "sum", name, notation, told)


def _kronecker(seen: Seen, entry: Entry, copied: Sequence[int], summed: Sequence[int]) -> str:
    """Axis by axis, where both sides have the shared axes in the same order; else ""."""
    pairs = sorted(entry.pairs)
    if [q for _, q in pairs] != sorted(q for _, q in pairs):
        return ""
    if copied:
        axes = {p: "I" for p, _ in pairs} | dict.fromkeys(copied, "1")
        named = seen.output
    else:
        axes = {q: "I" for _, q in pairs} | dict.fromkeys(summed, "1ᵀ")
        named = seen.argument
    terms: list[tuple[str, list[str]]] = []
    for axis in sorted(axes):
        label = _label(seen, entry, axis, named.dimension(axis) or str(named.shape[axis]), is_output=bool(copied))
        if terms and terms[-1][0] == axes[axis]:
            terms[-1][1].append(label)
        else:
            terms.append((axes[axis], [label]))
    return " ⊗ ".join(f"I_{''.join(labels)}" if kind == "I" else kind for kind, labels in terms)


def _label(seen: Seen, entry: Entry, axis: int, known: str, *, is_output: bool) -> str:
    """The dimension's name, from the other side where this one has none."""
    if not known.isdigit():
        return known
    other = dict(entry.pairs) if is_output else {q: p for p, q in entry.pairs}
    if axis not in other:
        return known
    side = seen.argument if is_output else seen.output
    return side.dimension(other[axis]) or known
