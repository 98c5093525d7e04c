"""From what was typed to a question: a seed, sizes of dimensions, one value of an input; or why it cannot be asked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcheck_cli.inspector.session import Edit, Question
from gradcheck_cli.report.shapes import shape_text
from gradcheck_cli.saved.model import KeptInput, KeptLayer

MOST_ELEMENTS = 10_000


class Unclear(Exception):
    """What was typed cannot be taken; the message says what can."""


def index_of(text: str, shape: Sequence[int], dimensions: Sequence[str] = ()) -> tuple[int, ...]:
    """An element's index as it was typed: `2, 3`, `[2][3]`, `2 3`, `-1 0` from the end.

    Raises:
        Unclear: where there is no such element.
    """
    if not re.fullmatch(r"[\s\d,\[\]()-]*", text):
        raise Unclear("an index is whole numbers: 2, 3")
    found = [int(number) for number in re.findall(r"-?\d+", text)]
    if len(found) != len(shape):
        raise Unclear(f"{len(shape)} numbers are needed, one an axis of {shape_text(shape, dimensions)}")
    for place, size in zip(found, shape):
        if not -size <= place < size:
            raise Unclear(f"{place} is outside of {shape_text(shape, dimensions)}")
    return tuple(place % size for place, size in zip(found, shape))


def seed_of(text: str) -> int | None:
    """None where nothing was typed.

    Raises:
        Unclear: where it is no seed.
    """
    if not text.strip():
        return None
    if not re.fullmatch(r"\d{1,9}", text.strip()):
        raise Unclear("a seed is a whole number from 0")
    return int(text)


def sizes_of(typed: Mapping[str, str], now: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The sizes that are other than now.

    Raises:
        Unclear: where one is none.
    """
    found = []
    for name, text in typed.items():
        if not re.fullmatch(r"\d{1,5}", text.strip()) or not 1 <= int(text) <= MOST_ELEMENTS:
            raise Unclear(f"{name} is a size from 1 to {MOST_ELEMENTS:,}")
        if int(text) != now.get(name):
            found.append((name, int(text)))
    return tuple(found)


def edit_of(argument: KeptInput, index: str, text: str) -> Edit:
    """One value of an input.

    Raises:
        Unclear: where there is no such element, or the value is none of its dtype.
    """
    assert argument.array is not None
    shape, dtype = argument.array.shape, argument.array.dtype
    place = index_of(index, shape, argument.dimensions)
    try:
        value = float(text)
    except ValueError:
        raise Unclear(f"a value of {argument.name} is a number: -1.5") from None
    if dtype.kind in "iub" and (not math.isfinite(value) or value != int(value)):
        raise Unclear(f"{argument.name} holds whole numbers")
    position = int(np.ravel_multi_index(place, shape)) if shape else 0
    return Edit(argument.name, position, value)


def with_edit(question: Question, edit: Edit, draw: int | None) -> Question:
    """One more value set, in this draw; set anew where it was set before."""
    others = tuple(each for each in question.edits if (each.name, each.position) != (edit.name, edit.position))
    return replace(question, edits=(*others, edit), draw=draw)


def drawn_anew(question: Question, seed: str, sizes: Mapping[str, str], now: Mapping[str, int]) -> Question:
    """Another seed, other sizes: values that were set by hand are no more. The same question where nothing changes.

    Raises:
        Unclear: where something typed cannot be taken.
    """
    wanted, changed = seed_of(seed), sizes_of(sizes, now)
    if wanted == question.seed and not changed:
        return question
    merged = dict(question.dimensions) | dict(changed)
    return replace(question, seed=wanted, dimensions=tuple(merged.items()), edits=(), draw=None)


def editable(kept: KeptLayer) -> dict[str, KeptInput]:
    """The inputs and upstream gradients that have values to set, by name."""
    return {
        each.name: each
        for each in (*kept.arguments, *kept.upstream)
        if each.array is not None and 0 not in each.array.shape
    }


def question_words(question: Question, kept: KeptLayer | None) -> str:
    """What is asked, in a few words: `seed 3, N=5, x[0, 7] = 0.5`."""
    shapes = {} if kept is None else {name: each.array.shape for name, each in editable(kept).items() if each.array}
    parts = [] if question.seed is None else [f"seed {question.seed}"]
    parts += [f"{name}={size}" for name, size in question.dimensions]
    parts += [f"{edit.name}{_index(edit, shapes.get(edit.name))} = {edit.value:g}" for edit in question.edits]
    return ", ".join(parts)


def _index(edit: Edit, shape: tuple[int, ...] | None) -> str:
    """`[0, 7]`."""
    if shape is None or edit.position >= math.prod(shape):
        return f" at {edit.position}"
    return f"[{', '.join(str(place) for place in np.unravel_index(edit.position, shape))}]" if shape else ""
