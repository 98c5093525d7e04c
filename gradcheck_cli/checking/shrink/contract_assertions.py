"""The statements that show a broken contract: what is written into, what differs from call to call, old caches."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from gradcheck_cli.checking.shrink.literals import Unwritable
from gradcheck_cli.checking.shrink.shown import Shown
from gradcheck_cli.checking.shrink.transcript import Transcript
from gradcheck_cli.checking.shrink.value_assertions import Wrong, against_differences
from gradcheck_cli.checking.shrink.words import gradient_of, place_of, quoted
from gradcheck_cli.judge.verdict import DIFFERENCES
from gradcheck_cli.layers.case import Leaf
from gradcheck_cli.layers.leaves import is_floating

CALLS = 6
"""How often something is called that differs from call to call."""

OTHER_MEMORY = {
    "Fortran-ordered": "np.asfortranarray({0})",
    "sliced": "np.repeat({0}, 2, axis=-1)[..., ::2]",
    "reversed": "np.flip(np.flip({0}).copy())",
    "float32": '{0}.astype("float32")',
}
"""What the same values are in other memory, and how they get there."""


def contract_ways(code: str, leaves: list[Leaf], transcript: Transcript) -> Iterator[Shown]:
    """Ways to show a broken contract; nothing for other codes."""
    before = transcript.free("before", "was")
    match code:
        case "GC301":
            yield from _unchanged(before, [text for _, text in _arrays(transcript, leaves)])
        case "GC302":
            yield from _unchanged(before, [name for name, value in transcript.upstream if hasattr(value, "shape")])
        case "GC303" | "GC308":
            yield from _twice(transcript, before)
            yield from _fails(transcript.backward)
        case "GC305":
            yield from _repeated(transcript)
            yield from _again(transcript, before)
            yield from _twice(transcript, before)
            yield from _fails(transcript.forward, transcript.backward)
        case "GC201":
            yield from _in_other_memory(transcript, before)
        case "GC304":
            yield from _linear(transcript, before)
        case "GC306":
            yield from _aliased(transcript, leaves)
            yield from _overwritten(transcript, before)
        case "GC214":
            yield from _stale(transcript, before)
            yield from _left_behind(transcript, leaves)


def _arrays(transcript: Transcript, leaves: list[Leaf]) -> Iterator[tuple[Leaf | None, str]]:
    names = {name for name, _ in transcript.inputs}
    for leaf in leaves:
        if transcript.variables[leaf.argument] in names:
            yield leaf, place_of(transcript, leaf)
    for name, value in transcript.inputs:
        if hasattr(value, "shape") and not is_floating(value):
            yield None, name


def _unchanged(before: str, places: list[str]) -> Iterator[Shown]:
    for place in places:
        check = f'assert np.array_equal({place}, {before}), "{quoted(place)} is not as it was"'
        yield Shown((check,), (f"{before} = np.copy({place})",))


def _gradients(transcript: Transcript) -> list[str]:
    return list(
        dict.fromkeys(gradient_of(transcript, leaf) for leaf in transcript.case.leaves if _came(transcript, leaf))
    )


def _came(transcript: Transcript, leaf: Leaf) -> bool:
    return leaf.argument in transcript.gradients


def _twice(transcript: Transcript, before: str) -> Iterator[Shown]:
    """The backward once more, without the forward and with it."""
    for gradient in _gradients(transcript):
        message = f'"{quoted(gradient)} is another the second time"'
        check = f"assert np.allclose({gradient}, {before}), {message}"
        if transcript.backward:
            yield Shown((f"{before} = np.copy({gradient})", transcript.backward, check))
        steps = [step for step in (transcript.forward, transcript.backward) if step]
        yield Shown((f"{before} = np.copy({gradient})", *steps, check))


def _fails(*steps: str) -> Iterator[Shown]:
    """The same steps once more, where they raise."""
    again = "; ".join(step for step in steps if step)
    if again:
        message = 'f"the second time it raised {error!r}"'
        yield Shown((f"try: {again}", f"except Exception as error: raise AssertionError({message}) from error"))


def _repeated(transcript: Transcript) -> Iterator[Shown]:
    """Forward and backward several times: what differs may do so every third time only."""
    again, seen = transcript.free("again", "once_more"), transcript.free("seen", "found")
    steps = "; ".join(step for step in (transcript.forward, transcript.backward) if step)
    for gradient in [*_gradients(transcript), *transcript.outputs]:
        yield Shown(
            (
                f"def {again}(): {steps}; return np.copy({gradient})",
                f"{seen} = [{again}() for _ in range({CALLS})]",
                f"assert all(np.allclose(one, {seen}[0]) for one in {seen}), "
                f'"{quoted(gradient)} differs from call to call"',
            )
        )


def _in_other_memory(transcript: Transcript, before: str) -> Iterator[Shown]:
    """The same values in Fortran order, with gaps, with negative strides, and in a narrower dtype."""
    arguments = [name for name, value in transcript.inputs if isinstance(value, np.ndarray) and value.ndim]
    upstream = [name for name, value in transcript.upstream if isinstance(value, np.ndarray) and value.ndim]
    steps = (*transcript.setup, transcript.forward, transcript.backward)
    looked_at = [*_gradients(transcript), *(transcript.outputs if transcript.taken is not None else ())]
    for words, text in OTHER_MEMORY.items():
        for names in (arguments, upstream) if words != "float32" else (upstream,):
            changed = f"{', '.join(names)} = {', '.join(text.format(name) for name in names)}"
            for array in looked_at if names else ():
                close = f"np.allclose({array}, {before}, rtol=1e-3, atol=1e-6)"
                said = f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'} {words}"
                message = f'"{quoted(array)} is another where {said}"'
                yield Shown((f"{before} = np.copy({array})", changed, *steps, f"assert {close}, {message}"))


def _again(transcript: Transcript, before: str) -> Iterator[Shown]:
    """The forward once more."""
    for output in transcript.outputs if transcript.taken is not None else ():
        check = f'assert np.allclose({output}, {before}), "{quoted(output)} is another the second time"'
        yield Shown((f"{before} = np.copy({output})", transcript.forward, check))


def _overwritten(transcript: Transcript, before: str) -> Iterator[Shown]:
    """A gradient that a later call of the backward writes into."""
    for name, _ in transcript.upstream:
        later = re.sub(rf"\b{name}\b", f"2 * {name}", transcript.backward_call)
        for gradient in _gradients(transcript):
            message = f'"{quoted(gradient)} was overwritten by a later call"'
            check = f"assert np.array_equal({gradient}, {before}), {message}"
            yield Shown((f"{before} = np.copy({gradient})", transcript.forward, later, check))


def _linear(transcript: Transcript, before: str) -> Iterator[Shown]:
    names = [name for name, _ in transcript.upstream]
    steps = (*transcript.setup, transcript.forward, transcript.backward)
    for gradient in _gradients(transcript) if names and transcript.backward else ():
        for factor in ("2", "-1", "1024", "0"):
            scaled = f"{', '.join(names)} = {', '.join(f'{factor} * {name}' for name in names)}"
            message = f'"{factor} times the upstream gradient gives another {quoted(gradient)} than {factor} times it"'
            check = f"assert np.allclose({gradient}, {factor} * {before}), {message}"
            yield Shown((f"{before} = np.copy({gradient})", scaled, *steps, check))


def _aliased(transcript: Transcript, leaves: list[Leaf]) -> Iterator[Shown]:
    gradients = [gradient_of(transcript, leaf) for leaf in leaves if _came(transcript, leaf)]
    others = [name for name, _ in transcript.upstream] + [place for _, place in _arrays(transcript, leaves)]
    others += list(transcript.own.values()) + _gradients(transcript)
    for gradient in gradients:
        for other in others:
            if other != gradient:
                message = f'"{quoted(gradient)} and {quoted(other)} are one memory"'
                yield Shown((f"assert not np.shares_memory({gradient}, {other}), {message}",))


def _stale(transcript: Transcript, before: str) -> Iterator[Shown]:
    """forward(A), forward(B), backward with A's cache: it must still give A's gradient.

    The forward on B is another instance's, where the layer is a class; or the same instance is used for B, whole, and
    then for A.
    """
    if not transcript.backward:
        return
    other = _on_others(transcript)
    is_class = bool(transcript.constructor)
    for gradient in _gradients(transcript) if other else ():
        message = f'"{quoted(gradient)} is another after a forward on other inputs"'
        check = f"assert np.allclose({gradient}, {before}), {message}"
        start = f"{before} = np.copy({gradient})"
        if is_class:
            elsewhere = re.sub(r"\blayer\b", lambda _: transcript.constructor, other, count=1)
            yield Shown((start, transcript.forward, elsewhere, transcript.backward, check))
            used = f"{other}; {transcript.backward_call}"
            yield Shown((start, used, transcript.forward, transcript.backward, check))
            new = (*transcript.setup, used, transcript.forward, transcript.backward)
            yield Shown((start, *new, check))
        else:
            yield Shown((start, transcript.forward, other, transcript.backward, check))


def _on_others(transcript: Transcript) -> str:
    """The forward's call on other values of its first floating input; "" where it takes none by itself."""
    for leaf in transcript.case.leaves:
        name = transcript.variables[leaf.argument]
        other = re.sub(rf"\b{name}\b", f"{name} + 1", transcript.forward_call, count=1)
        if not leaf.path and other != transcript.forward_call:
            return other
    return ""


def _left_behind(transcript: Transcript, leaves: list[Leaf]) -> Iterator[Shown]:
    """Another input, and the finite difference there: what was kept of the first is none of its."""
    for leaf in leaves:
        name = transcript.variables[leaf.argument]
        if leaf.path or not transcript.backward or leaf.argument not in transcript.gradients:
            continue
        wrong = Wrong(leaf, (0,) * leaf.value.ndim, 0.0, 0.0, DIFFERENCES)
        try:
            compared = against_differences(transcript, wrong)
        except Unwritable:
            continue
        yield Shown((f"{name} = {name} + 1", *transcript.setup, transcript.forward, transcript.backward, *compared))
