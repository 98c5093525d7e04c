"""What to do to a gradient of the wrong shape: sum, transpose, reshape, in the user's own dimension names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.words import shape_text

Shape = tuple[int, ...]

MOST_AXES = 6
"""Gradients with more axes than this are not searched: the number of permutations explodes."""


@dataclass(frozen=True)
class Mend:
    """One way from the shape that came back to the one expected.

    Attributes:
        text: for the message, with the code to write where there is some.
        apply: does it; None where what is missing cannot be brought back.
    """

    text: str
    apply: Callable[[NDArray[Any]], NDArray[Any]] | None = None


def mends(
    got: Shape, expected: Shape, got_names: Sequence[str], expected_names: Sequence[str], leaf_name: str
) -> tuple[Mend, ...]:
    """Every mend that fits, the most plausible first; empty where none does.

    Args:
        got, expected: two different shapes.
        got_names, expected_names: a name for each axis, "" where there is none.
        leaf_name: the argument, for the message.
    """
    if max(len(got), len(expected)) > MOST_AXES:
        return ()
    found = [
        *_of_size_one(got, expected),
        *_permuted(got, expected),
        *_to_sum(got, expected, got_names),
        *_missing(got, expected, got_names, expected_names, leaf_name),
        *_cropped(got, expected, expected_names),
        *_reshaped(got, expected),
        *_summed_and_permuted(got, expected, got_names),
    ]
    return tuple(found)


def _of_size_one(got: Shape, expected: Shape) -> Iterator[Mend]:
    if [size for size in got if size != 1] != [size for size in expected if size != 1] or len(got) == len(expected):
        return
    more = abs(len(got) - len(expected))
    axes = "an axis" if more == 1 else f"{more} axes"
    what = f"it has {axes} of size one too many" if len(got) > len(expected) else f"it lacks {axes} of size one"
    yield Mend(f"{what}: reshape it (`{_reshape_call(expected)}`)", lambda array: array.reshape(expected))


def _permuted(got: Shape, expected: Shape) -> Iterator[Mend]:
    if sorted(got) != sorted(expected):
        return
    if got == expected[::-1]:
        yield Mend("transpose it (`.T`)", lambda array: array.T)
    for order in permutations(range(len(got))):
        if tuple(got[axis] for axis in order) == expected and order != tuple(range(len(got)))[::-1]:
            yield Mend(f"permute its axes (`.transpose{order}`)", _transposing(order))


def _to_sum(got: Shape, expected: Shape, names: Sequence[str]) -> Iterator[Mend]:
    for axes in combinations(range(len(got)), len(got) - len(expected)) if len(got) > len(expected) else ():
        if tuple(size for axis, size in enumerate(got) if axis not in axes) == expected:
            yield Mend(f"sum over {_axes_text(axes, names)} (`{_sum_call(axes)}`)", _summing(axes))
    if len(got) == len(expected):
        axes = tuple(axis for axis in range(len(got)) if got[axis] != expected[axis])
        if all(expected[axis] == 1 for axis in axes):
            call = _sum_call(axes, ", keepdims=True")
            yield Mend(f"sum over {_axes_text(axes, names)} (`{call}`)", _summing(axes, keepdims=True))


def _missing(
    got: Shape, expected: Shape, got_names: Sequence[str], names: Sequence[str], leaf_name: str
) -> Iterator[Mend]:
    if got == () and len(expected) > 1:
        yield Mend(f"it is summed over every axis, although `{leaf_name}` has {len(expected)}")
        return
    if len(got) == len(expected):
        axes = tuple(axis for axis in range(len(got)) if got[axis] != expected[axis])
        if len(axes) == 1 and got_names[axes[0]] and names[axes[0]] and got[axes[0]] != 1:
            kept, wanted = got_names[axes[0]], names[axes[0]]
            more = f": sum over {kept}, keep {wanted}" if len(got) == 1 else ""
            yield Mend(f"it has {kept} where `{leaf_name}` has {wanted}{more}")
        if not all(got[axis] == 1 for axis in axes):
            return
    elif len(got) < len(expected):
        fitting = [
            axes
            for axes in combinations(range(len(expected)), len(expected) - len(got))
            if tuple(size for axis, size in enumerate(expected) if axis not in axes) == got
        ]
        if not fitting:
            return
        axes = fitting[0]
    else:
        return
    that = "that axis" if len(axes) == 1 else "those axes"
    yield Mend(f"it is summed over {_axes_text(axes, names)}, although `{leaf_name}` has {that}")


def _cropped(got: Shape, expected: Shape, names: Sequence[str]) -> Iterator[Mend]:
    """The same axes, some longer by an even number: the padding was left on."""
    if len(got) != len(expected) or any(have < want or (have - want) % 2 for have, want in zip(got, expected)):
        return
    axes = [axis for axis in range(len(got)) if got[axis] != expected[axis]]
    widths = {(got[axis] - expected[axis]) // 2 for axis in axes}
    if len(widths) != 1 or expected[axes[0]] == 1:
        return
    width = widths.pop()
    inside = tuple(slice(width, -width) if axis in axes else slice(None) for axis in range(len(got)))
    yield Mend(
        f"it is {width} longer on either side of {_axes_text(axes, names)}: cut the padding off",
        lambda array: array[inside],
    )


def _reshaped(got: Shape, expected: Shape) -> Iterator[Mend]:
    if np.prod(got) == np.prod(expected):
        yield Mend(f"reshape it (`{_reshape_call(expected)}`)", lambda array: array.reshape(expected))


def _summed_and_permuted(got: Shape, expected: Shape, names: Sequence[str]) -> Iterator[Mend]:
    if len(got) <= len(expected):
        return
    for axes in combinations(range(len(got)), len(got) - len(expected)):
        rest = tuple(size for axis, size in enumerate(got) if axis not in axes)
        if rest == expected[::-1] and rest != expected:
            yield Mend(
                f"sum over {_axes_text(axes, names)} and transpose (`{_sum_call(axes)}.T`)",
                _summing_transposed(axes),
            )


def _axes_text(axes: Sequence[int], names: Sequence[str]) -> str:
    texts = [names[axis] or f"axis {axis}" for axis in axes]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _sum_call(axes: Sequence[int], more: str = "") -> str:
    return f".sum(axis={axes[0] if len(axes) == 1 else tuple(axes)}{more})"


def _reshape_call(expected: Shape) -> str:
    return f".reshape({', '.join(map(str, expected)) if expected else '()'})"


def _summing(axes: tuple[int, ...], keepdims: bool = False) -> Callable[[NDArray[Any]], NDArray[Any]]:
    return lambda array: np.asarray(array.sum(axis=axes, keepdims=keepdims))


def _summing_transposed(axes: tuple[int, ...]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    return lambda array: np.asarray(array.sum(axis=axes)).T


def _transposing(order: tuple[int, ...]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    return lambda array: array.transpose(order)


def shape_sentence(
    name: str, got: Shape, got_names: Sequence[str], expected: Shape, expected_names: Sequence[str]
) -> str:
    """`` `db` has shape (N=4, M=5), expected (M=5) ``."""
    return f"`{name}` has shape {shape_text(got, got_names)}, expected {shape_text(expected, expected_names)}"
