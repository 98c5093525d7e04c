"""Structures that one glance shows: zero, identity, diagonal, permutation, selection, one row, an argument's matrix."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.graph.jacobians.entries import Entry, entries, seen_alike
from gradcheck_cli.graph.jacobians.functions import Factor, factors
from gradcheck_cli.graph.jacobians.seen import ROUNDING, Array, Named, Seen, constant
from gradcheck_cli.report.jacobian.model import Structure


def zero(seen: Seen) -> list[Structure]:
    """Nothing depends on it."""
    if seen.scale > 0:
        return []
    return [Structure("zero", "zero", "0", f"{seen.output.name} does not depend on {seen.argument.name} here.")]


def number(seen: Seen) -> list[Structure]:
    """One output element, one argument element."""
    if seen.matrix.size != 1:
        return []
    return [Structure("number", "a single number", "", "One output and one input: the ordinary derivative.")]


def identity(seen: Seen) -> list[Structure]:
    """Each element is handed on as it is."""
    if not _is_square(seen) or not seen.same(seen.matrix, np.eye(len(seen.matrix))):
        return []
    if seen.output.shape != seen.argument.shape:
        told = f"{seen.output.name} holds the elements of {seen.argument.name} in the same order, in another shape."
        return [Structure("identity", "identity", "I", told)]
    told = f"Each element of {seen.output.name} follows its own element of {seen.argument.name}, one to one."
    return [Structure("identity", "identity", "I", told)]


def scaled_identity(seen: Seen) -> list[Structure]:
    """The identity times a number."""
    if not _is_square(seen):
        return []
    factor = float(seen.matrix[0, 0])
    if not seen.same(seen.matrix, factor * np.eye(len(seen.matrix))):
        return []
    sign = {1.0: "", -1.0: "-"}.get(factor)
    names = [f"{name} I" for name in _scalars(seen, factor)]
    names.append(f"{constant(factor, seen)} I" if sign is None else f"{sign}I")
    told = "Each element follows its own input element, all by the same factor."
    names.append("c I")  # another factor at another draw
    return [Structure("scaled identity", "scaled identity", notation, told) for notation in names]


def diagonal(seen: Seen) -> list[Structure]:
    """Each output element depends on the input element in its place alone."""
    matrix = seen.matrix
    if not _is_square(seen) or not seen.same(matrix, np.diag(np.diag(matrix))):
        return []
    told = "Element by element: each output element depends only on the input element in its place."
    long = sum(length > 1 for length in seen.output.shape)
    found = []
    for entry in entries(seen):
        if len(entry.pairs) == long and entry.parts:
            found.append(Structure("diagonal", "diagonal", f"diag({_product(entry, seen)})", told))
    if set(np.unique(np.diag(matrix))) <= {0.0, 1.0}:
        found.append(Structure("diagonal", "diagonal, zeros and ones", "", f"{told} A gate is open (1) or shut (0)."))
    return [*found, Structure("diagonal", "diagonal", "", told)]


def transposition(seen: Seen) -> list[Structure]:
    """The argument's axes in another order, or one of them turned round."""
    shape, ndim = seen.argument.shape, seen.argument.value.ndim
    if not _is_square(seen) or ndim > 5:
        return []
    numbers = np.arange(seen.matrix.shape[1]).reshape(shape)
    found = []
    for order in itertools.permutations(range(ndim)):
        moved = numbers.transpose(order)
        if order != tuple(range(ndim)) and moved.shape == seen.output.shape and _selects(seen, moved):
            told = (
                f"{seen.output.name} is {seen.argument.name} with its axes in the order {order}: nothing is computed."
            )
            found.append(Structure("permutation", "permutation: axes transposed", "", told))
    for axis, length in enumerate(shape):
        if length > 1 and shape == seen.output.shape and _selects(seen, np.flip(numbers, axis)):
            told = f"{seen.output.name} is {seen.argument.name} turned round along axis {axis}: nothing is computed."
            found.append(Structure("permutation", f"permutation: axis {axis} reversed", "", told))
    return found


def permutation(seen: Seen) -> list[Structure]:
    """Each row and each column has a single one."""
    if not _is_square(seen) or not _has_ones_only(seen):
        return []
    if not bool((_ones(seen).sum(axis=0) == 1).all() and (_ones(seen).sum(axis=1) == 1).all()):
        return []
    told = f"{seen.output.name} holds the elements of {seen.argument.name} in another order: nothing is computed."
    return [Structure("permutation", "permutation", "", told)]


def selection(seen: Seen) -> list[Structure]:
    """Each row has at most a single one."""
    if not _has_ones_only(seen):
        return []
    ones = _ones(seen)
    rows = ones.sum(axis=1)
    if not bool((rows <= 1).all()) or seen.matrix.shape == (1, 1):
        return []
    told = f"Each element of {seen.output.name} is one element of {seen.argument.name}"
    told += ", chosen, not computed" + ("." if bool((rows == 1).all()) else "; a row of zeros: a constant.")
    found = []
    for named in _others(seen):
        chosen = named.value.reshape(-1)
        if chosen.size == len(ones) and np.array_equal(chosen, np.round(chosen)) and _selects(seen, chosen):
            told_named = (
                f"Each element of {seen.output.name} is the one of {seen.argument.name} that {named.name} names."
            )
            found.append(Structure("selection", "selection", f"onehot({named.name})", told_named))
    return [*found, Structure("selection", "selection", "", told)]


def ones(seen: Seen) -> list[Structure]:
    """All entries are the same: a sum, or one number for all."""
    rows, columns = seen.matrix.shape
    if not seen_alike(seen.matrix) or (min(rows, columns) > 1 and _is_square(seen) and rows < 2):
        return []
    factor = float(seen.matrix[0, 0])
    names = [""] if factor == 1 else [*_scalars(seen, factor), constant(factor, seen)]
    if columns == 1:
        base, name, told = "1", "broadcast", f"{seen.argument.name} goes to every element of {seen.output.name}."
    elif rows == 1:
        base, name, told = "1ᵀ", "sum", f"{seen.output.name} adds all elements of {seen.argument.name}, all alike."
    else:
        base, name, told = "1 1ᵀ", "all entries equal", "Every output element adds all input elements, all alike."
    return [Structure("ones", name, f"{factor_name} {base}".strip(), told) for factor_name in names]


def matrix_of_argument(seen: Seen) -> list[Structure]:
    """One of the case's arrays, or its transpose, or a usual function of it."""
    found = []
    for factor in factors(seen):
        if factor.values.size != seen.matrix.size or factor.values.size < 2:
            continue
        for values, mark in (
            (_as_matrix(factor, seen, turned=False), ""),
            (_as_matrix(factor, seen, turned=True), "ᵀ"),
        ):
            if values is None:
                continue
            scale = _scale(seen, values)
            if scale is not None:
                found.append(_named_matrix(seen, factor, mark, scale))
    return found


def one_row(seen: Seen) -> list[Structure]:
    """A single output, or a single input."""
    if len(seen.matrix) == 1:
        told = f"{seen.output.name} is a single number: its Jacobian is one row, the gradient itself."
        return [Structure("row", "one row", "", told)]
    if seen.matrix.shape[1] == 1:
        return [Structure("column", "one column", "", f"{seen.argument.name} is a single number: one column.")]
    return []


def _named_matrix(seen: Seen, factor: Factor, mark: str, scale: float) -> Structure:
    name = factor.named.name
    inside = factor.text(name)
    vector = min(seen.matrix.shape) == 1
    if vector and sum(length > 1 for length in factor.values.shape) > 1:
        inside, mark = f"vec({inside})", "ᵀ" if len(seen.matrix) == 1 else ""
    elif mark and (not factor.is_plain):
        inside = f"({inside})"
    prefix = {1.0: "", -1.0: "-"}.get(scale, f"{constant(scale, seen)} ")
    if vector:
        row = "row" if len(seen.matrix) == 1 else "column"
        told = f"One {row}: the elements of {factor.text(name)}{', scaled' if abs(scale) != 1 else ''}."
        return Structure(row, f"one {row}", f"{prefix}{inside}{mark}", told)
    turned = "transposed" if mark else "as it stands"
    told = f"A linear map: the derivative is the matrix {factor.text(name)} itself, {turned}."
    return Structure("matrix", f"{factor.text(name)} {turned}", f"{prefix}{inside}{mark}", told)


def _as_matrix(factor: Factor, seen: Seen, *, turned: bool) -> Array | None:
    """The factor in the Jacobian's shape; a vector is a row."""
    rows, columns = seen.matrix.shape
    long = tuple(length for length in factor.values.shape if length > 1)
    if min(rows, columns) == 1:
        is_row = rows == 1
        return factor.values.reshape(rows, columns) if is_row != turned else None
    if len(long) != 2 or long != ((columns, rows) if turned else (rows, columns)):
        return None
    short = factor.values.reshape(long)
    return short.T if turned else short


def _scale(seen: Seen, values: Array) -> float | None:
    position = np.unravel_index(int(np.argmax(np.abs(values))), values.shape)
    if values[position] == 0:
        return None
    scale = float(seen.matrix[position] / values[position])
    scale = float(round(scale)) if abs(scale - round(scale)) <= ROUNDING else scale
    if abs(scale) != 1 and np.unique(np.abs(values)).size < min(3, values.size):
        return None
    return scale if scale and seen.same(seen.matrix, scale * values) else None


def _product(entry: Entry, seen: Seen) -> str:
    text = " ".join(part.factor.text(part.factor.named.name) for part in entry.parts)
    if entry.constant == 1:
        return text.removeprefix("(").removesuffix(")") if text.startswith("(1 - ") and text.endswith("²)") else text
    return ("-" if entry.constant == -1 else f"{constant(entry.constant, seen)} ") + text


def _scalars(seen: Seen, value: float) -> list[str]:
    return [
        factor.text(factor.named.name)
        for factor in factors(seen)
        if factor.values.size == 1
        and factor.named.name != seen.output.name
        and abs(float(factor.values.reshape(-1)[0]) - value) <= ROUNDING * abs(value)
    ]


def _others(seen: Seen) -> Iterable[Named]:
    return (named for named in seen.arrays if named.name != seen.argument.name)


def _is_square(seen: Seen) -> bool:
    return bool(seen.matrix.shape[0] == seen.matrix.shape[1])


def _has_ones_only(seen: Seen) -> bool:
    rounded = np.round(seen.matrix)
    return bool(seen.scale > 0 and seen.same(seen.matrix, rounded) and np.isin(rounded, (0, 1)).all())


def _ones(seen: Seen) -> Array:
    return np.round(seen.matrix)


def _selects(seen: Seen, chosen: NDArray[Any]) -> bool:
    columns = np.asarray(chosen).reshape(-1).astype(int)
    if columns.min(initial=0) < 0 or columns.max(initial=0) >= seen.matrix.shape[1]:
        return False
    expected = np.zeros_like(seen.matrix)
    expected[np.arange(len(columns)), columns] = 1
    return seen.same(seen.matrix, expected)
