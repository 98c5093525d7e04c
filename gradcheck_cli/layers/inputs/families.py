"""The field's usual shapes of an argument by what it is likely to be, each with its cost; 0 is the most usual."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.inputs import names
from gradcheck_cli.layers.inputs.bounds import FIRST_AXIS, LAST_AXIS
from gradcheck_cli.layers.inputs.dimensions import Dimensions
from gradcheck_cli.layers.inputs.forward_source import ForwardSource
from gradcheck_cli.layers.inputs.templates import SQUARE
from gradcheck_cli.layers.layer import Argument


def alone_shape(name: str, dimensions: Dimensions, kinds: Mapping[str, str]) -> ArgumentShape:
    """An inferred shape for a floating (or, where `kinds` says so, complex) argument."""
    kind = kinds.get(name) or "float"
    return ArgumentShape(dimensions, kind, "inferred", domain=names.usual_domain(name))


def family(role: str, n: str, features: Sequence[str]) -> list[tuple[float, Dimensions]]:
    """Shapes of a floating argument; `n` names the batch, `features` the feature axes already in use."""
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
            (1.45, (f, 1)),
            (1.5, ("H", "W")),
            (2.0, ()),
        ]
    for position, other in enumerate(features[1:5]):
        swapped = [
            (cost + 0.1 * (position + 1), tuple(other if axis == f else axis for axis in shape))
            for cost, shape in options
        ]
        options += [option for option in swapped if option[1] not in [shape for _, shape in options]]
    return options


def discrete(
    name: str, role: str, source: ForwardSource, n: str, features: Sequence[str], argument: Argument
) -> list[tuple[float, ArgumentShape]]:
    """Shapes of labels, indices and masks."""
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
    base, position = source.indexes.get(name, ("", -1))
    # `w[labels]` picks rows, whatever the name; `scores[np.arange(n), labels]` picks columns
    classes = FIRST_AXIS + base if base and position == 0 else f"{LAST_AXIS}:{base}"
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


def binary_labels(n: str, f: str) -> list[tuple[float, ArgumentShape]]:
    """Labels 0 or 1 in the scores' own shape, before classes: a wrong reading may run by broadcasting."""
    shapes: tuple[Dimensions, ...] = ((n, f), (n,), (n, "T"), (n, 1))
    return [
        (-1.6 + 0.1 * k + 0.6 * (k == 3), ArgumentShape(dimensions, "integer", "inferred", values=(2,)))
        for k, dimensions in enumerate(shapes)
    ]
