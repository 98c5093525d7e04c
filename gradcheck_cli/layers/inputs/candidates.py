"""Shapes worth trying for arguments that nothing describes, the field's habits first. Costs order them; 0 is usual."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.inputs import names
from gradcheck_cli.layers.inputs.dimensions import Dimensions, names_in
from gradcheck_cli.layers.inputs.families import alone_shape, binary_labels, discrete, family
from gradcheck_cli.layers.inputs.forward_source import ForwardSource
from gradcheck_cli.layers.inputs.likely_roles import likely_roles
from gradcheck_cli.layers.inputs.templates import templates
from gradcheck_cli.layers.layer import Argument

UNPACKED = 0.5
"""What a shape of as many axes as the forward unpacks is cheaper by."""


@dataclass(frozen=True)
class Proposal:
    """Shapes for all the unknown arguments at once."""

    cost: float
    shapes: Mapping[str, ArgumentShape]

    @property
    def square(self) -> bool:
        """Whether some argument has two axes of one name."""
        return any(
            len(names_in(shape.dimensions or ())) < sum(isinstance(axis, str) for axis in shape.dimensions or ())
            for shape in self.shapes.values()
        )


def proposals(
    unknown: Sequence[Argument],
    known: Mapping[str, ArgumentShape],
    source: ForwardSource,
    kinds: Mapping[str, str],
    binary: bool = False,
) -> Iterator[Proposal]:
    """Shapes for the arguments `unknown`, cheapest first; `kinds` holds what is known of them besides their shape.

    `binary`: labels are 0 or 1, one for each score.
    """
    roles = likely_roles(unknown, known, source, kinds)
    alone = _alternatives(unknown, known, source, kinds, roles)
    if binary:
        batch, features = _context(known, source)
        for name in (name for name, role in roles.items() if role in ("label", "target")):
            alone[name] = sorted([*binary_labels(batch, features[0]), *alone[name]], key=lambda option: option[0])
        for name in (name for name, role in roles.items() if role == "data"):
            alone[name] = sorted([(0.3, alone_shape(name, (batch,), kinds)), *alone[name]], key=lambda one: one[0])
    whole = [
        Proposal(
            cost - sum(UNPACKED for name, shape in shapes.items() if len(source.unpacked.get(name, ())) == len(shape)),
            {name: _of_role(name, shape, roles[name], kinds) for name, shape in shapes.items()},
        )
        for cost, shapes in templates(unknown, known, roles)
    ]
    return heapq.merge(sorted(whole, key=lambda one: one.cost), _cheapest_first(alone), key=lambda one: one.cost)


def _of_role(name: str, dimensions: Dimensions, role: str, kinds: Mapping[str, str]) -> ArgumentShape:
    if role == "mask":
        return ArgumentShape(dimensions, "boolean", "inferred")
    return alone_shape(name, dimensions, kinds)


def _alternatives(
    unknown: Sequence[Argument],
    known: Mapping[str, ArgumentShape],
    source: ForwardSource,
    kinds: Mapping[str, str],
    roles: Mapping[str, str],
) -> dict[str, list[tuple[float, ArgumentShape]]]:
    """For each argument by itself, what it may be, cheapest first."""
    batch, features = _context(known, source)
    found: dict[str, list[tuple[float, ArgumentShape]]] = {}
    for argument in unknown:
        name, role = argument.name, roles[argument.name]
        options: list[tuple[float, ArgumentShape]] = []
        unpacked = source.unpacked.get(name)
        if role in ("label", "target", "index", "mask"):
            options = discrete(name, role, source, batch, features, argument)
        if role in ("data", "sequence", "state"):
            # an input beside another of known shape: alike first, not whatever happens to broadcast
            alike = [shape.dimensions for shape in known.values() if shape.kind == "float" and shape.dimensions]
            options += [
                (0.05 * k - 0.05, alone_shape(name, shape, kinds)) for k, shape in enumerate(dict.fromkeys(alike))
            ]
        if role not in ("label", "index", "mask"):
            extra = 0.8 if role == "target" else 0.0
            kin = "data" if role == "target" else role
            options += [
                (cost + extra, alone_shape(name, dimensions, kinds))
                for cost, dimensions in family(kin, batch, features)
            ]
            if any(base == name and place == 0 for base, place in source.indexes.values()):
                options.append((-0.1, alone_shape(name, ("V", features[0]), kinds)))
            if len(unknown) <= 2 and kin in ("data", "weight"):
                square = alone_shape(name, (features[0], features[0]), kinds)
                options.append((1.15, replace(square, domain="definite")))
        if name in source.definite:
            square = alone_shape(name, (features[0], features[0]), kinds)
            options.append((-0.3, replace(square, domain="definite")))
        if names.is_number(name):
            # of a rule that differentiates all it takes: whatever else would broadcast
            options.append((-0.2, ArgumentShape((), "float", "inferred", domain="positive")))
        if names.is_example_weight(name):
            labelled = not {"label", "target"}.isdisjoint(roles.values())
            options.append((-0.1 if labelled else 0.2, alone_shape(name, (batch,), kinds)))
        if role in ("feature", "bias") and (channels := _image_channels(known, source)):
            options.append((0.05, alone_shape(name, (1, channels, 1, 1), kinds)))
        if unpacked:
            own = tuple(axis if axis != "_" else f"axis_{position}" for position, axis in enumerate(unpacked))
            own = tuple(re.sub(r"\W", "_", str(axis)) for axis in own)
            shape = options[0][1]
            same = [option for option in options if len(option[1].dimensions or ()) == len(own)]
            said = ArgumentShape(own, shape.kind, "inferred", values=shape.values, domain=shape.domain)
            options = [
                (-UNPACKED, said),
                *same,
                *[(cost + 1, other) for cost, other in options if (cost, other) not in same],
            ]
        found[name] = sorted(options, key=lambda option: option[0])
    return found


def _image_channels(known: Mapping[str, ArgumentShape], source: ForwardSource) -> str:
    """The name of the second of four axes of some input, "" where none has four."""
    shapes = [*source.unpacked.values(), *(shape.dimensions or () for shape in known.values())]
    second = next((str(shape[1]) for shape in shapes if len(shape) == 4), "")
    return second if second.isidentifier() else ""


def _context(known: Mapping[str, ArgumentShape], source: ForwardSource) -> tuple[str, list[str]]:
    """The name of the batch, and the feature names already in use, those that the forward unpacks shapes into last."""
    used = [name for shape in known.values() if shape.dimensions for name in names_in(shape.dimensions)]
    sizes = [
        name
        for shape in known.values()
        if shape.kind == "size" and shape.dimensions
        for name in names_in(shape.dimensions)
    ]
    used += [re.sub(r"\W", "_", axis) for axes in source.unpacked.values() for axis in axes if axis.strip("_")]
    batch = next((name for name in used if name in names.BATCH), "N")
    features = [name for name in dict.fromkeys([*sizes, *used]) if name != batch]
    return batch, features or ["D"]


def _cheapest_first(alone: Mapping[str, list[tuple[float, ArgumentShape]]]) -> Iterator[Proposal]:
    """All combinations of alternatives in order of their summed cost, lazily."""
    order = list(alone)
    if not order or any(not options for options in alone.values()):
        return
    start = (0,) * len(order)
    queue = [(sum(alone[name][0][0] for name in order), start)]
    seen = {start}
    while queue:
        cost, chosen = heapq.heappop(queue)
        yield Proposal(cost, {name: alone[name][k][1] for name, k in zip(order, chosen)})
        for position, name in enumerate(order):
            following = (*chosen[:position], chosen[position] + 1, *chosen[position + 1 :])
            if following[position] < len(alone[name]) and following not in seen:
                seen.add(following)
                step = alone[name][following[position]][0] - alone[name][chosen[position]][0]
                heapq.heappush(queue, (cost + step, following))
