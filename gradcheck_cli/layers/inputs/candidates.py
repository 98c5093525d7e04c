"""Shapes worth trying for arguments that nothing describes, the field's habits first. Costs order them; 0 is usual."""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.conventions import naming
from gradcheck_cli.layers.inputs import names
from gradcheck_cli.layers.inputs.bounds import FIRST_AXIS, LAST_AXIS
from gradcheck_cli.layers.inputs.dimensions import Dimensions, names_in
from gradcheck_cli.layers.inputs.forward_source import ForwardSource
from gradcheck_cli.layers.inputs.templates import SQUARE, is_attention, templates
from gradcheck_cli.layers.layer import Argument, Role

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
    roles = _roles(unknown, known, source, kinds)
    alone = _alternatives(unknown, known, source, kinds, roles)
    if binary:
        batch, features = _context(known, source)
        for name in (name for name, role in roles.items() if role in ("label", "target")):
            alone[name] = sorted([*_binary_labels(batch, features[0]), *alone[name]], key=lambda option: option[0])
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


def alone_shape(name: str, dimensions: Dimensions, kinds: Mapping[str, str]) -> ArgumentShape:
    """An inferred shape for a floating (or, where `kinds` says so, complex) argument."""
    kind = kinds.get(name) or "float"
    return ArgumentShape(dimensions, kind, "inferred", domain=names.usual_domain(name))


def _of_role(name: str, dimensions: Dimensions, role: str, kinds: Mapping[str, str]) -> ArgumentShape:
    if role == "mask":
        return ArgumentShape(dimensions, "boolean", "inferred")
    return alone_shape(name, dimensions, kinds)


def _roles(
    unknown: Sequence[Argument], known: Mapping[str, ArgumentShape], source: ForwardSource, kinds: Mapping[str, str]
) -> dict[str, str]:
    """What each argument is likely to be; a lone `b` or `h` beside no weight is data like any other."""
    roles: dict[str, str] = {}
    for argument in unknown:
        name = argument.name
        kind = kinds.get(name, "")
        if name in source.indexes or kind == "integer":
            label = names.is_label(name) or source.indexes.get(name, ("", 0))[1] > 0
            roles[name] = "label" if label else "index"
        elif kind == "boolean" or names.is_mask(name):
            roles[name] = "mask"
        elif kind == "" and ((not argument.gradient_name and names.is_label(name)) or _is_given_target(argument)):
            roles[name] = "target"
        elif kind == "" and not argument.gradient_name and names.is_index(name):
            roles[name] = "index"
        else:
            roles[name] = names.role(name)
    if is_attention(roles):
        roles = {name: "data" if role == "weight" and len(name) == 1 else role for name, role in roles.items()}
    kinds_of_role = set(roles.values())
    if kinds_of_role & {"label", "target"} and not kinds_of_role & {"data", "sequence", "state", "index"}:
        # `loss(A, Y)`: what is compared with labels is an activation, whatever its name
        roles = {name: "data" if role == "weight" else role for name, role in roles.items()}
    weights = [name for name, role in roles.items() if role == "weight"]
    weights += [name for name in known if names.role(name) == "weight"]
    if not weights:
        roles = {name: "data" if role in ("bias", "state") else role for name, role in roles.items()}
    if len(roles) == 1 and not any(shape.dimensions for shape in known.values()):
        roles = {name: "data" if role in ("weight", "feature") else role for name, role in roles.items()}
    return roles


def _is_given_target(argument: Argument) -> bool:
    """An input that a loss compares with, and that its backward has no gradient for."""
    return argument.role is Role.INPUT and not argument.differentiated and naming.is_label(argument.name)


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
            options = _discrete(name, role, source, batch, features, argument)
        if role in ("data", "sequence", "state"):
            # an input beside another of known shape: alike first, not whatever happens to broadcast
            alike = [shape.dimensions for shape in known.values() if shape.kind == "float" and shape.dimensions]
            options += [
                (0.05 * k - 0.05, alone_shape(name, shape, kinds)) for k, shape in enumerate(dict.fromkeys(alike))
            ]
        if role not in ("label", "index", "mask"):
            extra = 0.8 if role == "target" else 0.0
            family = "data" if role == "target" else role
            options += [
                (cost + extra, alone_shape(name, dimensions, kinds))
                for cost, dimensions in _family(family, batch, features)
            ]
            if any(base == name and place == 0 for base, place in source.indexes.values()):
                options.append((-0.1, alone_shape(name, ("V", features[0]), kinds)))
            if len(unknown) <= 2 and family in ("data", "weight"):
                square = alone_shape(name, (features[0], features[0]), kinds)
                options.append((1.15, replace(square, domain="definite")))
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


def _family(role: str, n: str, features: Sequence[str]) -> list[tuple[float, Dimensions]]:
    f = features[0]
    options: list[tuple[float, Dimensions]] = []
    if role == "weight":
        options = [
            (0.0, (f, "M")),
            (0.2, ("M", f)),
            (SQUARE, (f, f)),
            (0.9, (f,)),
            (1.0, ("F", f if f != "D" else "C", "HH", "WW")),
        ]
        options += [(1.3, ("M",)), (2.0, ())]
        options += [
            (0.1 + 0.05 * k, (one, two)) for k, (one, two) in enumerate(itertools.permutations(features[:4], 2))
        ]
    elif role == "bias":
        options = [
            (0.0, ("M",)),
            (0.1, (f,)),
            (0.15, ("F",)),
            (0.2, (1, "M")),
            (0.25, (1, f)),
            (0.3, ("M", 1)),
            (0.35, (f, 1)),
        ]
        options += [(0.4, (1, "F", 1, 1)), (1.4, (1,)), (1.5, ()), (2.0, (n, "M")), (2.1, (n, f))]
    elif role == "feature":
        options = [
            (0.0, (f,)),
            (0.2, (1, f)),
            (0.3, ("C",)),
            (0.4, (1, "C", 1, 1)),
            (0.5, (f, 1)),
            (1.2, (n, f)),
            (1.5, ()),
            (1.6, (1,)),
        ]
    elif role == "state":
        options = [
            (0.0, (n, "H")),
            (0.3, (n, f)),
            (0.7, ("H", n)),
            (0.8, ("H",)),
            (0.9, ("H", 1)),
            (1.2, (n, "T", "H")),
        ]
    elif role == "sequence":
        options = [
            (0.0, (n, "T", f)),
            (0.2, ("T", n, f)),
            (0.4, ("T", f)),
            (0.6, (n, "T")),
            (0.8, (n, f)),
            (1.0, ("T",)),
        ]
    else:
        channels = f if f != "D" else "C"
        options = [
            (0.0, (n, f)),
            (0.6, (n, "T", f)),
            (0.66, (f, "M")),
            (0.7, (f, n)),
            (0.8, (f,)),
            (0.9, (n, channels, "H", "W")),
        ]
        options += [
            (0.85, (n, "M")),
            (0.95, ("M",)),
            (1.1, (f, f)),
            (1.2, (n,)),
            (1.3, (n, "T", "H", f)),
        ]
        options += [
            (1.0, (n, channels, "T")),
            (1.4, (n, "H", "W", channels)),
            (1.5, ("H", "W")),
            (1.6, (f, 1)),
            (2.0, ()),
        ]
    for position, other in enumerate(features[1:5]):
        swapped = [
            (cost + 0.1 * (position + 1), tuple(other if axis == f else axis for axis in shape))
            for cost, shape in options
        ]
        options += [option for option in swapped if option[1] not in [shape for _, shape in options]]
    return options


def _discrete(
    name: str, role: str, source: ForwardSource, n: str, features: Sequence[str], argument: Argument
) -> list[tuple[float, ArgumentShape]]:
    f = features[0]

    def integer(dimensions: Dimensions, bound: str, domain: str = "") -> ArgumentShape:
        return ArgumentShape(dimensions, "integer", "inferred", values=(bound,), domain=domain)

    if role == "mask":
        shapes: list[tuple[float, Dimensions]] = [
            (0.0, (n, f)),
            (0.2, (n, "T")),
            (0.3, ("T", "T")),
            (0.4, (f,)),
            (0.5, (n,)),
            (0.6, (n, n)),
        ]
        return [(cost, ArgumentShape(dimensions, "boolean", "inferred")) for cost, dimensions in shapes]
    if role == "index":
        base = source.indexes.get(name, ("", 0))[0]
        bound = FIRST_AXIS + base
        return [
            (0.0, integer((n,), bound, "repeated")),
            (0.1, integer((n, "T"), bound, "repeated")),
            (0.9, integer((), bound)),
        ]
    classes = f"{LAST_AXIS}:{source.indexes.get(name, ('', 0))[0]}"
    found = [
        (0.0, integer((n,), classes)),
        (0.3, ArgumentShape((n, f), "integer", "inferred", values=(2,), domain="one-hot")),
        (0.4, integer((n, "T"), classes)),
        (0.5, integer((), classes)),
        (0.65, ArgumentShape((f,), "integer", "inferred", values=(2,), domain="one-hot")),
        (0.7, integer((n, 1), classes)),
    ]
    found += [
        (0.3 + 0.05 * k, ArgumentShape((n, other), "integer", "inferred", values=(2,), domain="one-hot"))
        for k, other in enumerate([*features[1:4], "M"], 1)
    ]
    return found if not argument.gradient_name else found[:1]


def _binary_labels(n: str, f: str) -> list[tuple[float, ArgumentShape]]:
    """Labels 0 or 1 in the scores' own shape, before classes: a wrong reading may run by broadcasting."""
    shapes: tuple[Dimensions, ...] = ((n, f), (n,), (n, "T"), (n, 1))
    return [
        (-1.6 + 0.1 * k + 0.6 * (k == 3), ArgumentShape(dimensions, "integer", "inferred", values=(2,)))
        for k, dimensions in enumerate(shapes)
    ]


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
