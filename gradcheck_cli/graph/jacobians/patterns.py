"""Structures that a shift leaves as they are (convolutions and windows), bands and triangles."""

from __future__ import annotations

import itertools

import numpy as np

from gradcheck_cli.graph.jacobians.entries import seen_alike
from gradcheck_cli.graph.jacobians.seen import ROUNDING, Array, Named, Seen
from gradcheck_cli.report.jacobian.model import Structure

_STRIDES = (1, 2, 3)


def triangular(seen: Seen) -> list[Structure]:
    """Nothing above the diagonal, or nothing below."""
    matrix = seen.matrix
    if matrix.shape[0] != matrix.shape[1] or len(matrix) < 3:
        return []
    for lower, turned in ((True, matrix), (False, matrix.T)):
        if not seen.same(np.triu(turned, 1), 0.0):
            continue
        below = turned[np.tril_indices(len(turned))]
        if seen_alike(below) and abs(below[0] - 1) <= ROUNDING:
            which = "up to and with" if lower else "from and with"
            told = (
                f"A running sum: each element of {seen.output.name} adds those of {seen.argument.name} {which} its own."
            )
            notation = "L of ones" if lower else "Lᵀ of ones"
            return [Structure("triangular", f"{'lower' if lower else 'upper'} triangular, all ones", notation, told)]
        if np.count_nonzero(np.abs(below) > ROUNDING * seen.scale) > len(matrix) * (len(matrix) + 1) // 4:
            which = "before" if lower else "after"
            told = (
                f"Each output element depends on its own input element and those {which} it: a recurrence, or a mask."
            )
            return [Structure("triangular", f"{'lower' if lower else 'upper'} triangular", "", told)]
    return []


def convolution(seen: Seen) -> list[Structure]:
    """The same weights in each row, shifted: ∂out/∂x of a convolution."""
    for p, q, stride in _shifts(seen, 1):
        offsets = _offsets(seen, p, q, stride, 1)
        width = int(np.count_nonzero(offsets))
        if width >= len(offsets) or width < 1 or width >= seen.argument.shape[q]:
            continue
        steps = "" if stride == 1 else f", {stride} steps a row"
        told = f"Every row holds the same {_weights(width)}, shifted along: a convolution{steps}."
        name = f"banded, the same in each row: bandwidth {width}"
        found = [Structure("convolution", name, "", told)]
        for kernel in _kernels(seen):
            element = _of_kernel(seen, kernel, stride)
            named = f"Every row holds {kernel.name}, shifted along: a convolution{steps}."
            found.insert(0, Structure("convolution", name, f"Toeplitz({kernel.name})", named, element))
        return found
    return []


def windows(seen: Seen) -> list[Structure]:
    """Each row is a window of an array: ∂out/∂w of a convolution."""
    for p, q, stride in _shifts(seen, -1):
        for source in _kernels(seen):
            told = f"Each row is the window of {source.name} that the weights meet there: the patches of im2col."
            element = _of_windows(seen, source, stride)
            if seen.output.shape[p] > 1 and seen.argument.shape[q] > 1:
                return [Structure("windows", f"windows of {source.name}", f"im2col({source.name})", told, element)]
    return []


def banded(seen: Seen) -> list[Structure]:
    """All that is not zero is near the diagonal."""
    matrix = seen.matrix
    rows, columns = np.nonzero(np.abs(matrix) > ROUNDING * seen.scale)
    if matrix.shape[0] != matrix.shape[1] or len(matrix) < 4:
        return []
    low, high = int((columns - rows).min(initial=0)), int((columns - rows).max(initial=0))
    width = high - low + 1
    if width > (len(matrix) + 1) // 2:
        return []
    told = f"Each output element depends on {width} neighbouring input elements, by weights of its own."
    return [Structure("banded", f"banded: bandwidth {width}", "", told)]


def _weights(width: int) -> str:
    return "weight" if width == 1 else f"{width} weights"


def _shifts(seen: Seen, sign: int) -> list[tuple[int, int, int]]:
    """Axes (of the output, of the argument) and the stride under which the tensor shifts into itself."""
    tensor, count = seen.tensor, seen.output.value.ndim
    found = []
    for p, q in itertools.product(range(count), range(seen.argument.value.ndim)):
        rows, columns = tensor.shape[p], tensor.shape[count + q]
        if rows < 2 or columns < 2:
            continue
        face = np.moveaxis(tensor, (p, count + q), (0, 1))
        for stride in _STRIDES:
            if stride >= columns:
                break
            if sign > 0:
                before, after = face[:-1, :-stride], face[1:, stride:]
            else:
                before, after = face[:-1, stride:], face[1:, :-stride]
            enough = np.count_nonzero(np.abs(before) > ROUNDING * seen.scale) >= 2 and before.size >= 2
            if enough and seen.same(after, before) and not _is_flat(face, seen):
                found.append((p, q, stride))
                break
    return found


def _is_flat(face: Array, seen: Seen) -> bool:
    """Whether it is the same everywhere along one of the axes: then every shift leaves it as it is."""
    return seen.same(face[1:], face[:-1]) or seen.same(face[:, 1:], face[:, :-1])


def _offsets(seen: Seen, p: int, q: int, stride: int, sign: int) -> Array:
    """For each difference of the indices along these axes, whether anything is there."""
    count = seen.output.value.ndim
    face = np.moveaxis(np.abs(seen.tensor) > ROUNDING * seen.scale, (p, count + q), (0, 1))
    filled = face.reshape(*face.shape[:2], -1).any(axis=2)
    rows, columns = filled.shape
    offsets = np.arange(columns)[None, :] - sign * stride * np.arange(rows)[:, None]
    found = np.zeros(int(offsets.max() - offsets.min()) + 1)
    np.maximum.at(found, (offsets - offsets.min())[filled], 1.0)
    return found


def _kernels(seen: Seen) -> list[Named]:
    """Arrays that hold every entry that is not zero, up to rounding."""
    values = seen.matrix[np.abs(seen.matrix) > ROUNDING * seen.scale]
    values = np.unique(np.round(values / seen.scale, 9))
    found = []
    for named in seen.arrays:
        if named.name == seen.argument.name or named.value.size < 2 or not values.size:
            continue
        known = np.sort(named.value.reshape(-1) / seen.scale)
        near = np.clip(np.searchsorted(known, values), 1, len(known) - 1)
        off = np.minimum(np.abs(known[near] - values), np.abs(known[near - 1] - values))
        if bool((off <= 2e-9).all()):
            found.append(named)
    return found


def _of_kernel(seen: Seen, kernel: Named, stride: int) -> str:
    """`∂z_j/∂x_i = w_(i - j)`, where all three have one axis."""
    if max(_ndims(seen, kernel)) > 1:
        return ""
    weights, matrix = kernel.value.reshape(-1), seen.matrix
    i, j = np.arange(matrix.shape[1])[None, :], np.arange(len(matrix))[:, None]
    for sign, pad in itertools.product((1, -1), range(-len(weights), matrix.shape[1] + len(weights))):
        at = sign * (i - stride * j) + pad
        expected = np.where((at >= 0) & (at < len(weights)), weights[np.clip(at, 0, len(weights) - 1)], 0.0)
        if seen.same(matrix, expected):
            first, second = ("i", _times(stride, "j")) if sign > 0 else (_times(stride, "j"), "i")
            return f"{kernel.name}_({first} - {second}{_plus(pad)})"
    return ""


def _of_windows(seen: Seen, source: Named, stride: int) -> str:
    """`∂z_j/∂w_i = x_(i + j)`, where all three have one axis."""
    if max(_ndims(seen, source)) > 1:
        return ""
    values, matrix = source.value.reshape(-1), seen.matrix
    i, j = np.arange(matrix.shape[1])[None, :], np.arange(len(matrix))[:, None]
    for pad in range(-matrix.shape[1], matrix.shape[1] + 1):
        at = i + stride * j + pad
        expected = np.where((at >= 0) & (at < len(values)), values[np.clip(at, 0, len(values) - 1)], 0.0)
        if seen.same(matrix, expected):
            return f"{source.name}_({_times(stride, 'j')} + i{_plus(pad)})"
    return ""


def _ndims(seen: Seen, named: Named) -> list[int]:
    return [sum(length > 1 for length in shape) for shape in (seen.output.shape, seen.argument.shape, named.shape)]


def _times(stride: int, letter: str) -> str:
    return letter if stride == 1 else f"{stride}{letter}"


def _plus(pad: int) -> str:
    return "" if pad == 0 else f" + {pad}" if pad > 0 else f" - {-pad}"
