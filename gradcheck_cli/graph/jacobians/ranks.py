"""A diagonal and one outer product: softmax, centring, normalisation; and what has few independent rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradcheck_cli.graph.jacobians.seen import ROUNDING, Array, Named, Seen, number
from gradcheck_cli.report.jacobian.model import Structure

_MOST_FOR_RANK = 600


@dataclass(frozen=True)
class _Template:
    """A matrix that a usual layer has, made of its output `z` (one row).

    Attributes:
        scaled: any multiple of it will do.
        before: an array that each row is multiplied by.
    """

    notation: str
    element: str
    sentence: str
    matrix: Array
    scaled: bool = False
    before: str = ""


def known_form(seen: Seen) -> list[Structure]:
    """Softmax, log-softmax, centring, division by the norm, standardising."""
    rows, columns = seen.matrix.shape
    if rows != columns or rows < 2 or any(sum(n > 1 for n in shape) > 1 for shape in (seen.output.shape,)):
        return []
    found = []
    for template in _all_templates(seen):
        expected = template.matrix
        prefix = ""
        if template.scaled:
            size = float((expected * expected).sum())
            scale = float((expected * seen.matrix).sum()) / size if size > 0 else 0.0
            if scale == 0:
                continue
            expected, prefix = scale * expected, "" if abs(scale - 1) <= ROUNDING else "s "
        if seen.same(seen.matrix, expected):
            element = f"s ({template.element})" if prefix else template.element
            notation = f"s ({template.notation})" if prefix else template.notation
            if template.before:
                inside = notation if prefix else f"({notation})"
                element, notation = f"{template.before}_j {element}", f"diag({template.before}) {inside}"
            told = template.sentence + (" s is a single number." if prefix else "")
            found.append(Structure("diagonal and rank one", "diagonal and rank one", notation, told, element))
    return found


def _all_templates(seen: Seen) -> Iterator[_Template]:
    """Made of the output; made of a value on the way to it, which the layer then scales."""
    yield from _templates(seen, seen.output)
    own = [named for named in seen.arrays if named.value.size == len(seen.matrix)]
    for inner in own:
        if inner.name in (seen.output.name, seen.argument.name):
            continue
        for template in _templates(seen, inner):
            if template.scaled:
                yield template
                for gamma in own:
                    if gamma.name not in (inner.name, seen.output.name):
                        scaled = gamma.value.reshape(-1)[:, None] * template.matrix
                        yield replace(template, matrix=scaled, before=gamma.name)


def _templates(seen: Seen, made_of: Named) -> Iterator[_Template]:
    z = made_of.value.reshape(-1)
    n, name = len(z), made_of.name
    unit, all_ones = np.eye(n), np.ones((n, n))
    size = _size_name(seen)
    yield _Template(
        f"I - 1/{size} 1 1ᵀ",
        f"I[i = j] - 1/{size}",
        "Centring: the mean is taken off, so a gradient loses its mean.",
        unit - all_ones / n,
    )
    yield _Template(
        f"diag({name}) - {name}ᵀ {name}",
        f"{name}_j (I[i = j] - {name}_i)",
        "A softmax: raising one input raises its own output and lowers all others.",
        np.diag(z) - np.outer(z, z),
    )
    with np.errstate(over="ignore"):
        shares = np.exp(z)
    if np.isfinite(shares).all():
        yield _Template(
            f"I - 1 exp({name})",
            f"I[i = j] - exp({name}_i)",
            "A log-softmax: the identity minus one row of probabilities.",
            unit - np.outer(np.ones(n), shares),
        )
    yield _Template(
        f"I - {name}ᵀ {name}",
        f"I[i = j] - {name}_j {name}_i",
        "Division by the norm: the part of a gradient along the output is taken off.",
        unit - np.outer(z, z),
        scaled=True,
    )
    yield _Template(
        f"I - 1/{size} 1 1ᵀ - 1/{size} {name}ᵀ {name}",
        f"I[i = j] - 1/{size} - {name}_j {name}_i/{size}",
        "Standardising: a gradient loses its mean and its part along the output.",
        unit - all_ones / n - np.outer(z, z) / n,
        scaled=True,
    )


def _size_name(seen: Seen) -> str:
    for side in (seen.argument, seen.output):
        for axis, length in enumerate(side.shape):
            if length == seen.matrix.shape[0] and side.dimension(axis):
                return side.dimension(axis)
    return str(seen.matrix.shape[0])


def diagonal_and_rank_one(seen: Seen) -> list[Structure]:
    """Off the diagonal an outer product; the diagonal what it likes."""
    matrix = seen.matrix
    n = len(matrix)
    if matrix.shape != (n, n) or n < 4:
        return []
    off = np.abs(matrix * (1 - np.eye(n)))
    k, j = np.unravel_index(int(np.argmax(off)), off.shape)
    if off[k, j] == 0:
        return []
    outer = np.outer(matrix[:, j], matrix[k, :]) / matrix[k, j]
    # where the pivot's row or column meets the diagonal, another entry must tell
    free = [i for i in range(n) if i not in (k, j)]
    row = matrix[k, :].copy()
    row[k] = matrix[free[0], k] * matrix[k, j] / matrix[free[0], j] if matrix[free[0], j] else 0.0
    column = matrix[:, j].copy()
    column[j] = matrix[j, free[0]] * matrix[k, j] / matrix[k, free[0]] if matrix[k, free[0]] else 0.0
    outer = np.outer(column, row) / matrix[k, j]
    apart = ~np.eye(n, dtype=bool)
    if not bool(np.all(np.abs((matrix - outer)[apart]) <= 10 * ROUNDING * seen.scale)):
        return []
    left = np.diag(matrix - outer)
    if np.ptp(left) <= 10 * ROUNDING * seen.scale:
        name = "identity and rank one" if abs(left[0] - 1) <= 10 * ROUNDING else "scaled identity and rank one"
        told = "A multiple of the identity, and one outer product: all inputs meet in one number, such as a mean."
        return [Structure("identity and rank one", name, "c I + u vᵀ", told)]
    told = "A diagonal and one outer product: all inputs meet in one number, such as a sum."
    return [Structure("diagonal and rank one", "diagonal and rank one", "diag(d) + u vᵀ", told)]


def low_rank(seen: Seen) -> list[Structure]:
    """Rank one, or less than half of what there could be."""
    matrix = seen.matrix
    least = min(matrix.shape)
    if least < 2 or least > _MOST_FOR_RANK:
        return []
    sizes = np.linalg.svd(matrix, compute_uv=False)
    rank = int((sizes > ROUNDING * sizes[0] * np.sqrt(least)).sum())
    if rank == 1:
        told = "All rows are multiples of one row: everything goes through a single number."
        return [Structure("low rank", "rank one", "u vᵀ", told)]
    if least >= 4 and rank <= least // 2:
        told = f"Only {rank} rows are independent: everything goes through {rank} numbers."
        return [Structure("low rank", f"rank {rank}", "", told)]
    return []


def sparse(seen: Seen) -> list[Structure]:
    """Less than half of the entries are not zero."""
    filled = float(np.mean(np.abs(seen.matrix) > ROUNDING * seen.scale))
    if filled >= 0.5:
        return []
    told = "Each output element depends on some of the input elements, in no pattern that has a name here."
    return [Structure("sparse", f"sparse: {number(round(100 * filled, 1))} % of the entries are not zero", "", told)]


def dense(seen: Seen) -> list[Structure]:
    """Anything."""
    told = f"Every element of {seen.output.name} may depend on every element of {seen.argument.name}."
    return [Structure("dense", "dense", "", told)]
