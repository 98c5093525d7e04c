"""The statements that show what is no matter of values: shapes, counts, dtypes, structures, contracts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gradcheck_cli.checking.shrink.transcript import Transcript
from gradcheck_cli.layers.case import Leaf
from gradcheck_cli.layers.leaves import is_floating, leaf_name


@dataclass(frozen=True)
class Shown:
    """Statements for one way to show a failure: `before` the forward, `after` the backward (or in its place)."""

    after: tuple[str, ...]
    before: tuple[str, ...] = ()


WHOLE = frozenset({"GC102", "GC103"})
"""Codes that speak of all that the backward returns."""


def ways(code: str, argument: str | None, transcript: Transcript) -> Iterator[Shown]:
    """Ways to show a finding, the likeliest first; the ones that do not fail are no good."""
    before = transcript.free("before", "was")
    leaves = [leaf for leaf in transcript.case.leaves if argument in (None, leaf.name, leaf.argument)]
    match code:
        case "GC101":
            yield from (_shape(transcript, leaf) for leaf in leaves if leaf.argument in transcript.gradients)
        case "GC102":
            yield from _count(transcript)
        case "GC103":
            yield from _missing(transcript, argument)
        case "GC104":
            yield from (_dtype(transcript, leaf) for leaf in leaves if leaf.argument in transcript.gradients)
        case "GC105":
            yield from _structure(transcript, leaves)
        case "GC301":
            yield from _unchanged(before, [text for _, text in _arrays(transcript, leaves)])
        case "GC302":
            yield from _unchanged(before, [name for name, value in transcript.upstream if hasattr(value, "shape")])
        case "GC303" | "GC308":
            yield from _twice(transcript, before)
        case "GC305":
            yield from _again(transcript, before)
            yield from _twice(transcript, before)
        case "GC304":
            yield from _linear(transcript, before)
        case "GC306":
            yield from _aliased(transcript, leaves)
            yield from _overwritten(transcript, before)
        case "GC214":
            yield from _stale(transcript, before)
        case _:
            return


def _place(transcript: Transcript, leaf: Leaf) -> str:
    return leaf_name(transcript.variables[leaf.argument], leaf.path)


def _gradient(transcript: Transcript, leaf: Leaf) -> str:
    return leaf_name(transcript.gradients[leaf.argument], leaf.path)


def _shape(transcript: Transcript, leaf: Leaf) -> Shown:
    gradient, place = _gradient(transcript, leaf), _place(transcript, leaf)
    message = f'f"{_quoted(gradient)} has shape {{np.shape({gradient})}}, {_quoted(place)} has {{np.shape({place})}}"'
    if "'" in gradient + place:
        message = f'"the shape of {_quoted(gradient)} is not that of {_quoted(place)}"'
    return Shown((f"assert np.shape({gradient}) == np.shape({place}), {message}",))


def _dtype(transcript: Transcript, leaf: Leaf) -> Shown:
    gradient, place = _gradient(transcript, leaf), _place(transcript, leaf)
    message = f'"{_quoted(gradient)} has another dtype than {_quoted(place)}"'
    return Shown((f"assert {gradient}.dtype == {place}.dtype, {message}",))


def _count(transcript: Transcript) -> Iterator[Shown]:
    name, expected = transcript.returned, transcript.result.expected
    if name and expected is not None:
        message = f'f"{{len({name})}} gradients came back, not {expected}"'
        yield Shown((f"assert len({name}) == {expected}, {message}",))
        kind = f'"no tuple of {expected} gradients came back"'
        yield Shown((f"assert isinstance({name}, tuple) and len({name}) == {expected}, {kind}",))


def _missing(transcript: Transcript, argument: str | None) -> Iterator[Shown]:
    name = transcript.returned
    if name:
        yield Shown((f'assert {name} is not None, "nothing came back"',))
        inputs = [item for item in transcript.case.differentiable if item not in transcript.own]
        for position, item in enumerate(inputs):
            if argument in (None, item) and transcript.result.gradients.get(item, 0) is None:
                yield Shown((f'assert {name}[{position}] is not None, "the gradient of {_quoted(item)} is None"',))
    known = {item.name: item.gradient_name for item in transcript.layer.arguments}
    for item, gradient in known.items():
        attribute = gradient.removeprefix("self.")
        if argument in (None, item) and gradient.startswith("self.") and attribute.isidentifier():
            message = f'"nothing is stored in layer.{attribute}"'
            yield Shown((f'assert getattr(layer, "{attribute}", None) is not None, {message}',))


def _structure(transcript: Transcript, leaves: list[Leaf]) -> Iterator[Shown]:
    name = transcript.returned
    for key in transcript.result.unknown:
        if name and key.isidentifier():
            yield Shown((f'assert "{key}" not in {name}, "{key} names no argument"',))
    for argument in dict.fromkeys(leaf.argument for leaf in leaves):
        gradient, place = transcript.gradients.get(argument), transcript.variables[argument]
        if gradient is None:
            continue
        value = transcript.case.arguments[argument]
        said = f'"{_quoted(gradient)} has not the structure of {_quoted(place)}"'
        if isinstance(value, dict):
            yield Shown((f"assert isinstance({gradient}, dict) and set({gradient}) == set({place}), {said}",))
        elif isinstance(value, (list, tuple)):
            same = f"type({gradient}) is type({place}) and len({gradient}) == len({place})"
            yield Shown((f"assert {same}, {said}",))
        if transcript.layer.uses_jax:
            structures = (f"jax.tree_util.tree_structure({text})" for text in (gradient, place))
            yield Shown((f"assert {' == '.join(structures)}, {said}",))
    yield from (_shape(transcript, leaf) for leaf in leaves if leaf.argument in transcript.gradients and not leaf.path)


def _arrays(transcript: Transcript, leaves: list[Leaf]) -> Iterator[tuple[Leaf | None, str]]:
    names = {name for name, _ in transcript.inputs}
    for leaf in leaves:
        if transcript.variables[leaf.argument] in names:
            yield leaf, _place(transcript, leaf)
    for name, value in transcript.inputs:
        if hasattr(value, "shape") and not is_floating(value):
            yield None, name


def _unchanged(before: str, places: list[str]) -> Iterator[Shown]:
    for place in places:
        check = f'assert np.array_equal({place}, {before}), "{_quoted(place)} is not as it was"'
        yield Shown((check,), (f"{before} = np.copy({place})",))


def _gradients(transcript: Transcript) -> list[str]:
    return list(
        dict.fromkeys(_gradient(transcript, leaf) for leaf in transcript.case.leaves if _came(transcript, leaf))
    )


def _came(transcript: Transcript, leaf: Leaf) -> bool:
    return leaf.argument in transcript.gradients


def _twice(transcript: Transcript, before: str) -> Iterator[Shown]:
    """The backward once more, without the forward and with it."""
    for gradient in _gradients(transcript):
        message = f'"{_quoted(gradient)} is another the second time"'
        check = f"assert np.allclose({gradient}, {before}), {message}"
        if transcript.backward:
            yield Shown((f"{before} = np.copy({gradient})", transcript.backward, check))
        steps = [step for step in (transcript.forward, transcript.backward) if step]
        yield Shown((f"{before} = np.copy({gradient})", *steps, check))


def _again(transcript: Transcript, before: str) -> Iterator[Shown]:
    """The forward once more."""
    for output in transcript.outputs if transcript.taken is not None else ():
        check = f'assert np.allclose({output}, {before}), "{_quoted(output)} is another the second time"'
        yield Shown((f"{before} = np.copy({output})", transcript.forward, check))


def _overwritten(transcript: Transcript, before: str) -> Iterator[Shown]:
    """A gradient that a later call of the backward writes into."""
    for name, _ in transcript.upstream:
        later = re.sub(rf"\b{name}\b", f"2 * {name}", transcript.backward_call)
        for gradient in _gradients(transcript):
            message = f'"{_quoted(gradient)} was overwritten by a later call"'
            check = f"assert np.array_equal({gradient}, {before}), {message}"
            yield Shown((f"{before} = np.copy({gradient})", transcript.forward, later, check))


def _linear(transcript: Transcript, before: str) -> Iterator[Shown]:
    names = [name for name, _ in transcript.upstream]
    steps = (*transcript.setup, transcript.forward, transcript.backward)
    for gradient in _gradients(transcript) if names and transcript.backward else ():
        for factor in ("2", "-1", "1024", "0"):
            scaled = f"{', '.join(names)} = {', '.join(f'{factor} * {name}' for name in names)}"
            message = f'"{factor} times the upstream gradient gives another {_quoted(gradient)} than {factor} times it"'
            check = f"assert np.allclose({gradient}, {factor} * {before}), {message}"
            yield Shown((f"{before} = np.copy({gradient})", scaled, *steps, check))


def _aliased(transcript: Transcript, leaves: list[Leaf]) -> Iterator[Shown]:
    gradients = [_gradient(transcript, leaf) for leaf in leaves if _came(transcript, leaf)]
    others = [name for name, _ in transcript.upstream] + [place for _, place in _arrays(transcript, leaves)]
    others += list(transcript.own.values()) + _gradients(transcript)
    for gradient in gradients:
        for other in others:
            if other != gradient:
                message = f'"{_quoted(gradient)} and {_quoted(other)} are one memory"'
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
        message = f'"{_quoted(gradient)} is another after a forward on other inputs"'
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


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "'").replace("{", "{{").replace("}", "}}")
