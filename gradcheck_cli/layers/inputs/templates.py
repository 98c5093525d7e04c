"""Shapes of whole layers that everybody writes: affine maps, recurrent cells, convolutions, attention."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.inputs.dimensions import Dimensions
from gradcheck_cli.layers.layer import Argument

SQUARE = 0.5
"""What two equal axes cost: equal sizes hide a missing transpose, so they are tried only where nothing else runs."""


def is_attention(names_given: Iterable[str]) -> bool:
    """Whether queries, keys and values are among the arguments, by their first letters."""
    initials = [name[:1].lower() for name in names_given if re.match(r"^(?:[qkvQKV]|quer\w+|keys?|values?)$", name)]
    return {"q", "k", "v"} <= set(initials)


def templates(
    unknown: Sequence[Argument], known: Mapping[str, ArgumentShape], roles: Mapping[str, str]
) -> Iterator[tuple[float, dict[str, Dimensions]]]:
    """Shapes of whole layers: recurrent cells, convolutions, chains of affine maps, columns in place of rows."""
    if sorted(roles.values()) == ["bias", "data", "target", "weight"] and not known_shapes(known):
        # logistic regression of the course that has its examples in columns, and one bias for all
        columns: dict[str, Dimensions] = {"weight": ("D", 1), "bias": (), "data": ("D", "N"), "target": (1, "N")}
        yield 1.1, {a.name: columns[roles[a.name]] for a in unknown}
    masks = [a.name for a in unknown if roles[a.name] == "mask"]
    if masks and not is_attention(roles):
        return
    given = [a.name for a in unknown if roles[a.name] in ("data", "sequence")]
    if is_attention(given) and len(given) == 3:
        # one made with its width: `MultiHeadAttention(embed_dim, num_heads)`
        for width in (name for name, shape in known.items() if shape.kind == "size"):
            lengths: list[Dimensions] = [("N", "T" if name[0].lower() in "kv" else "S", width) for name in given]
            yield 0.1, dict(zip(given, lengths)) | dict.fromkeys(masks, ("N", 1, "S", "T"))
    if set(roles.values()) - {"data", "sequence", "weight", "bias", "state", "mask"} or known_shapes(known):
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
    if weights and (states or _come_in_pairs(weights)):
        yield from _recurrent_templates(inputs, weights, biases, states)
    if is_attention(inputs) and not weights and len(inputs) == 3:
        query, key, value = sorted(inputs, key=lambda name: "qkv".index(name[0].lower()))
        for cost, lead in ((0.0, ()), (0.1, ("N",)), (0.2, ("N", "H"))):
            first = ("N",) if not lead else ("S",)
            for more, mask in enumerate(((*lead[:1], "T"), (*first, "T"), ("T",)) if masks else ((),)):
                hidden: dict[str, Dimensions] = dict.fromkeys(masks, mask)
                paid = cost + 0.02 * more
                shapes = {query: (*lead, *first, "D"), key: (*lead, "T", "D"), value: (*lead, "T", "M")}
                yield paid - 0.01, shapes | hidden
                yield paid, dict.fromkeys(inputs, (*lead, "T", "D")) | hidden
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
    # A weight an element: after the maps that mix, before examples without a batch, which it would broadcast to.
    yield 0.4, _alike(([x], ("N", "D")), (weights, ("D",)), (biases, ("D",)))
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
        yield 0.8, _alike(([x], ("C", "H", "W")), (weights[:1], ("F", "C", "HH", "WW")), (biases, ("F",)))
        yield 0.82, _alike(([x], ("N", "C", "T")), (weights[:1], ("F", "C", "K")), (biases, ("F",)))
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
        # a GRU's gates beside its candidate: `Wx, Wh, bh` of two gates, and `Wxt, Wht, bht`
        further = {name for name in (*weights, *biases) if any(name[:-1] == other for other in (*weights, *biases))}
        if further and 2 * len(further) == len(weights) + len(biases):
            gated: dict[str, Dimensions] = dict.fromkeys(inputs, data) | dict.fromkeys(states, state)
            for weight in weights:
                first = _weight_rows(weight.removesuffix(weight[-1]) if weight in further else weight, weights[:2])
                width = "H" if weight in further else "2*H"
                gated[weight] = (width, first) if transposed else (first, width)
            gated |= {bias: ("H" if bias in further else "2*H",) for bias in biases}
            yield 0.02 + 0.05 * layout, gated


def _come_in_pairs(weights: Sequence[str]) -> bool:
    """`Wx, Wh`, or `Wx1, Wh1, Wx2, Wh2` of two directions: a weight for the input and one for the state."""
    rows = [_weight_rows(weight, weights) for weight in weights]
    return len(weights) == 2 or rows.count("D") == rows.count("H") == len(weights) / 2


def _weight_rows(weight: str, weights: Sequence[str]) -> str:
    """What a recurrent weight multiplies: the input, the state, or both side by side."""
    if len(weights) > 2:
        weight = weight.rstrip("0123456789_")
    if re.search(r"(hh|[a-z]?h|rec\w*|U\w*|[hH]h)$", weight) and not re.search(r"(xh|ih)$", weight, re.IGNORECASE):
        return "H"
    if re.search(r"(x|xh|ih|in|i)$", weight, re.IGNORECASE) or (len(weights) == 2 and weight == weights[0]):
        return "D"
    return "H" if len(weights) == 2 else "D+H"
