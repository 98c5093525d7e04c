"""Shapes worth trying for arguments that nothing describes, the field's habits first. Costs order them; 0 is usual."""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gradcheck_cli.layers import names
from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.dimensions import Dimensions, names_in
from gradcheck_cli.layers.forward_source import ForwardSource
from gradcheck_cli.layers.layer import Argument

LAST_AXIS = "?last"
"""A bound for integers: the last axis of the scores, `?last:x` where the source indexes `x` with them."""

FIRST_AXIS = "?first:"
"""A bound that is the first axis of the argument named after it: the vocabulary of an embedding."""

SQUARE = 0.5
"""What two equal axes cost: equal sizes hide a missing transpose, so they are tried only where nothing else runs."""


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
    unknown: Sequence[Argument], known: Mapping[str, ArgumentShape], source: ForwardSource, kinds: Mapping[str, str]
) -> Iterator[Proposal]:
    """Shapes for the arguments `unknown`, cheapest first; `kinds` holds what is known of them besides their shape."""
    roles = _roles(unknown, known, source, kinds)
    alone = _alternatives(unknown, known, source, kinds, roles)
    whole = [
        Proposal(cost, {name: alone_shape(name, shape, kinds) for name, shape in shapes.items()})
        for cost, shapes in _templates(unknown, known, roles)
    ]
    return heapq.merge(sorted(whole, key=lambda one: one.cost), _cheapest_first(alone), key=lambda one: one.cost)


def alone_shape(name: str, dimensions: Dimensions, kinds: Mapping[str, str]) -> ArgumentShape:
    """An inferred shape for a floating (or, where `kinds` says so, complex) argument."""
    kind = kinds.get(name) or "float"
    return ArgumentShape(dimensions, kind, "inferred", domain=names.usual_domain(name))


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
        elif kind == "" and not argument.gradient_name and names.is_label(name):
            roles[name] = "target"
        elif kind == "" and not argument.gradient_name and names.is_index(name):
            roles[name] = "index"
        else:
            roles[name] = names.role(name)
    if _is_attention(roles):
        roles = {name: "data" if role == "weight" and len(name) == 1 else role for name, role in roles.items()}
    weights = [name for name, role in roles.items() if role == "weight"]
    weights += [name for name in known if names.role(name) == "weight"]
    if not weights:
        roles = {name: "data" if role in ("bias", "state") else role for name, role in roles.items()}
    if len(roles) == 1 and not any(shape.dimensions for shape in known.values()):
        roles = {name: "data" if role in ("weight", "feature") else role for name, role in roles.items()}
    return roles


def _is_attention(names_given: Iterable[str]) -> bool:
    """Whether queries, keys and values are among the arguments, by their first letters."""
    initials = [name[:1].lower() for name in names_given if re.match(r"^(?:[qkvQKV]|quer\w+|keys?|values?)$", name)]
    return {"q", "k", "v"} <= set(initials)


def _alternatives(
    unknown: Sequence[Argument],
    known: Mapping[str, ArgumentShape],
    source: ForwardSource,
    kinds: Mapping[str, str],
    roles: Mapping[str, str],
) -> dict[str, list[tuple[float, ArgumentShape]]]:
    """For each argument by itself, what it may be, cheapest first."""
    batch, features = _context(known)
    found: dict[str, list[tuple[float, ArgumentShape]]] = {}
    for argument in unknown:
        name, role = argument.name, roles[argument.name]
        options: list[tuple[float, ArgumentShape]] = []
        unpacked = source.unpacked.get(name)
        if role in ("label", "target", "index", "mask"):
            options = _discrete(name, role, source, batch, features, argument)
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
        if unpacked:
            own = tuple(axis if axis != "_" else f"axis_{position}" for position, axis in enumerate(unpacked))
            own = tuple(re.sub(r"\W", "_", str(axis)) for axis in own)
            shape = options[0][1]
            same = [option for option in options if len(option[1].dimensions or ()) == len(own)]
            said = ArgumentShape(own, shape.kind, "inferred", values=shape.values, domain=shape.domain)
            options = [
                (-0.5, said),
                *same,
                *[(cost + 1, other) for cost, other in options if (cost, other) not in same],
            ]
        found[name] = sorted(options, key=lambda option: option[0])
    return found


def _context(known: Mapping[str, ArgumentShape]) -> tuple[str, list[str]]:
    """The name of the batch, and the feature names already in use."""
    used = [name for shape in known.values() if shape.dimensions for name in names_in(shape.dimensions)]
    sizes = [
        name
        for shape in known.values()
        if shape.kind == "size" and shape.dimensions
        for name in names_in(shape.dimensions)
    ]
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


def _templates(
    unknown: Sequence[Argument], known: Mapping[str, ArgumentShape], roles: Mapping[str, str]
) -> Iterator[tuple[float, dict[str, Dimensions]]]:
    """Shapes of whole layers: recurrent cells, convolutions, chains of affine maps, columns in place of rows."""
    if set(roles.values()) - {"data", "sequence", "weight", "bias", "state"} or known_shapes(known):
        return
    by_role = {
        role: [a.name for a in unknown if roles[a.name] == role]
        for role in ("data", "sequence", "weight", "bias", "state")
    }
    inputs, weights, biases, states = (
        by_role["data"] + by_role["sequence"],
        by_role["weight"],
        by_role["bias"],
        by_role["state"],
    )
    if len(inputs) == 1 and weights and not states:
        yield from _affine_templates(inputs[0], weights, biases)
    if weights and (states or len(weights) == 2):
        yield from _recurrent_templates(inputs, weights, biases, states)
    if _is_attention(inputs) and not weights and len(inputs) == 3:
        query, key, value = sorted(inputs, key=lambda name: "qkv".index(name[0].lower()))
        for cost, lead in ((0.0, ()), (0.1, ("N",)), (0.2, ("N", "H"))):
            first = ("N",) if not lead else ("S",)
            yield cost - 0.01, {query: (*lead, *first, "D"), key: (*lead, "T", "D"), value: (*lead, "T", "M")}
            yield cost, dict.fromkeys(inputs, (*lead, "T", "D"))
    if weights and inputs:
        layouts: tuple[tuple[float, Dimensions], ...] = ((0.3, ("N", "T", "D")), (0.32, ("N", "D")), (0.34, ("T", "D")))
        for cost, data in layouts:
            yield cost + SQUARE, _alike((inputs, data), (weights, ("D", "D")), (biases, ("D",)))
            yield cost, _alike((inputs, data), (weights, ("D", "M")), (biases, ("M",)))


def _alike(*groups: tuple[Sequence[str], Dimensions]) -> dict[str, Dimensions]:
    return {name: shape for group, shape in groups for name in group}


def known_shapes(known: Mapping[str, ArgumentShape]) -> bool:
    """Whether some argument's shape is known already, so that new names would part from it."""
    return any(shape.dimensions for shape in known.values())


def _affine_templates(
    x: str, weights: Sequence[str], biases: Sequence[str]
) -> Iterator[tuple[float, dict[str, Dimensions]]]:
    def chain(rows: bool, column_bias: int) -> dict[str, Dimensions]:
        widths = ["D", *(f"H{k}" for k in range(1, len(weights))), "M"]
        shapes: dict[str, Dimensions] = {}
        for k, weight in enumerate(weights):
            shapes[weight] = (widths[k], widths[k + 1]) if rows else (widths[k + 1], widths[k])
        for k, bias in enumerate(biases):
            width = widths[min(k, len(weights) - 1) + 1]
            shapes[bias] = ((width,), (1, width), (width, 1))[column_bias]
        return shapes

    yield 0.0, {x: ("N", "D")} | chain(True, 0)
    yield 0.12, {x: ("N", "D")} | chain(True, 1)
    yield 0.14, {x: ("N", "D")} | chain(False, 0)
    yield 0.16, {x: ("D", "N")} | chain(False, 2)
    yield 0.5, {x: ("N", "T", "D")} | chain(True, 0)
    yield 0.6, {x: ("D",)} | chain(False, 0)
    yield 0.65, {x: ("D",)} | chain(True, 0)
    yield 0.66, {x: ("D", 1)} | chain(False, 2)
    if len(weights) == 1:
        for position, (data, bias) in enumerate(
            ((("N", "C", "H", "W"), ("F",)), (("N", "C", "H", "W"), (1, "F", 1, 1)), (("N", "C", "H", "W"), ("F", 1)))
        ):
            yield 0.7 + 0.01 * position, {x: data, weights[0]: ("F", "C", "HH", "WW")} | dict.fromkeys(biases, bias)
        yield 0.75, {x: ("N", "H", "W", "C"), weights[0]: ("HH", "WW", "C", "F")} | dict.fromkeys(biases, ("F",))
        yield (
            0.76,
            {x: ("N", "H", "W", "C"), weights[0]: ("HH", "WW", "C", "F")} | dict.fromkeys(biases, (1, 1, 1, "F")),
        )
        yield 0.8, {x: ("C", "H", "W"), weights[0]: ("F", "C", "HH", "WW")} | dict.fromkeys(biases, ("F",))
        yield 0.82, {x: ("N", "C", "T"), weights[0]: ("F", "C", "K")} | dict.fromkeys(biases, ("F",))
        yield 0.84, {x: ("H", "W"), weights[0]: ("HH", "WW")} | dict.fromkeys(biases, ())
        yield 0.86, {x: ("T",), weights[0]: ("K",)} | dict.fromkeys(biases, ())


def _recurrent_templates(
    inputs: Sequence[str], weights: Sequence[str], biases: Sequence[str], states: Sequence[str]
) -> Iterator[tuple[float, dict[str, Dimensions]]]:
    """Simple, gated (3H) and LSTM (4H) cells, for one step and for sequences, in rows and in columns."""
    for layout, (data, state, transposed) in enumerate(
        (
            (("N", "D"), ("N", "H"), False),
            (("N", "T", "D"), ("N", "H"), False),
            (("T", "N", "D"), ("N", "H"), False),
            (("D", "N"), ("H", "N"), True),
            (("D",), ("H",), True),
            (("D", 1), ("H", 1), True),
            (("T", "D"), ("H",), False),
        )
    ):
        for gates, width in enumerate(("H", "4*H", "3*H")):
            shapes: dict[str, Dimensions] = dict.fromkeys(inputs, data) | dict.fromkeys(states, state)
            for weight in weights:
                first = _weight_rows(weight, weights)
                shapes[weight] = (width, first) if transposed else (first, width)
            for bias in biases:
                shapes[bias] = (width, 1) if transposed and len(data) == 2 else (width,)
            yield 0.02 + 0.05 * layout + 0.01 * gates, shapes


def _weight_rows(weight: str, weights: Sequence[str]) -> str:
    """What a recurrent weight multiplies: the input, the state, or both side by side."""
    if re.search(r"(hh|[a-z]?h|rec\w*|U\w*|[hH]h)$", weight) and not re.search(r"(xh|ih)$", weight, re.IGNORECASE):
        return "H"
    if re.search(r"(x|xh|ih|in|i)$", weight, re.IGNORECASE) or (len(weights) == 2 and weight == weights[0]):
        return "D"
    return "H" if len(weights) == 2 else "D+H"


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


_CLASSES = frozenset("C K n_classes num_classes classes n_class num_class n_labels num_labels n_out n_outputs".split())


def _classes(base: str, floating: Sequence[str], shapes: Mapping[str, ArgumentShape]) -> str | int:
    """How many classes labels tell apart: the last axis of the scores they index, of the last weight, or of the data."""

    def last(name: str) -> str | int:
        return (shapes[name].dimensions or (2,))[-1]

    if base in floating:
        return last(base)
    named = [axis for name in floating for axis in shapes[name].dimensions or () if axis in _CLASSES]
    if named:
        return named[0]
    weights = [name for name in floating if names.role(name) == "weight" and len(shapes[name].dimensions or ()) == 2]
    return last(weights[-1] if weights else floating[0]) if floating else 2


def resolve_bounds(order: Iterable[str], shapes: Mapping[str, ArgumentShape]) -> dict[str, ArgumentShape]:
    """The shapes with `LAST_AXIS` and `FIRST_AXIS` bounds replaced by the axis they stand for."""
    resolved = dict(shapes)
    floating = [name for name in order if name in shapes and shapes[name].kind == "float" and shapes[name].dimensions]
    for name, shape in shapes.items():
        bound = shape.values[0] if shape.kind == "integer" and shape.values else None
        if not isinstance(bound, str) or not bound.startswith("?"):
            continue
        axis: str | int = 2
        if bound.startswith(LAST_AXIS):
            axis = _classes(bound[len(LAST_AXIS) :].lstrip(":"), floating, shapes)
        elif bound.startswith(FIRST_AXIS):
            base = bound[len(FIRST_AXIS) :]
            named = [base] if base in floating else [one for one in floating if names.role(one) == "weight"] or floating
            axis = (shapes[named[0]].dimensions or (2,))[0] if named else 2
            sized = [one for one in shapes.values() if one.kind == "size" and one.dimensions]
            if not named and sized:
                axis = (sized[0].dimensions or (2,))[0]
        resolved[name] = ArgumentShape(
            shape.dimensions, "integer", shape.source, shape.dtype, (axis,), domain=shape.domain
        )
    return resolved
