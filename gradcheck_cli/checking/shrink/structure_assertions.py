"""The statements that show what is no matter of values: shapes, counts, dtypes, structures; and all other ways."""

from __future__ import annotations

from collections.abc import Iterator

from gradcheck_cli.checking.shrink.contract_assertions import contract_ways
from gradcheck_cli.checking.shrink.derivative_assertions import derivative_ways
from gradcheck_cli.checking.shrink.shown import Shown
from gradcheck_cli.checking.shrink.transcript import Transcript
from gradcheck_cli.checking.shrink.words import gradient_of, place_of, quoted
from gradcheck_cli.layers.case import Leaf
from gradcheck_cli.report.model import Finding

WHOLE = frozenset({"GC102", "GC103"})
"""Codes that speak of all that the backward returns."""


def ways(finding: Finding, transcript: Transcript) -> Iterator[Shown]:
    """Ways to show a finding, the likeliest first; the ones that do not fail are no good."""
    argument = finding.argument
    leaves = [leaf for leaf in transcript.case.leaves if argument in (None, leaf.name, leaf.argument)]
    yield from derivative_ways(finding.message, transcript)
    match finding.code:
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
        case _:
            yield from contract_ways(finding.code, leaves, transcript)


def _shape(transcript: Transcript, leaf: Leaf) -> Shown:
    gradient, place = gradient_of(transcript, leaf), place_of(transcript, leaf)
    message = f'f"{quoted(gradient)} has shape {{np.shape({gradient})}}, {quoted(place)} has {{np.shape({place})}}"'
    if "'" in gradient + place:
        message = f'"the shape of {quoted(gradient)} is not that of {quoted(place)}"'
    return Shown((f"assert np.shape({gradient}) == np.shape({place}), {message}",))


def _dtype(transcript: Transcript, leaf: Leaf) -> Shown:
    gradient, place = gradient_of(transcript, leaf), place_of(transcript, leaf)
    message = f'"{quoted(gradient)} has another dtype than {quoted(place)}"'
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
                yield Shown((f'assert {name}[{position}] is not None, "the gradient of {quoted(item)} is None"',))
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
        said = f'"{quoted(gradient)} has not the structure of {quoted(place)}"'
        if isinstance(value, dict):
            yield Shown((f"assert isinstance({gradient}, dict) and set({gradient}) == set({place}), {said}",))
        elif isinstance(value, (list, tuple)):
            same = f"type({gradient}) is type({place}) and len({gradient}) == len({place})"
            yield Shown((f"assert {same}, {said}",))
        if transcript.layer.uses_jax:
            structures = (f"jax.tree_util.tree_structure({text})" for text in (gradient, place))
            yield Shown((f"assert {' == '.join(structures)}, {said}",))
    yield from (_shape(transcript, leaf) for leaf in leaves if leaf.argument in transcript.gradients and not leaf.path)
