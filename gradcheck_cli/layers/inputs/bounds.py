"""Below what labels and indices stay: which axis of which array tells the classes or the vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.inputs import names

LAST_AXIS = "?last"
"""A bound for integers: the last axis of the scores, `?last:x` where the source indexes `x` with them."""


FIRST_AXIS = "?first:"
"""A bound that is the first axis of the argument named after it: the vocabulary of an embedding."""


_OUTPUTS = re.compile(
    r"(?:n|num|nb)_?(?:class(?:es)?|out(?:put)?s?|labels?)|classes|C|K|out(?:put)?_?(?:size|dim|features|units)"
)
"""What a constructor calls the number of classes."""

_CLASSES = frozenset("C K n_classes num_classes classes n_class num_class n_labels num_labels n_out n_outputs".split())


def _classes(base: str, floating: Sequence[str], shapes: Mapping[str, ArgumentShape]) -> str | int:
    """How many classes there are: the last axis of the scores that labels index, of the last weight, or of the data."""

    def last(name: str) -> str | int:
        return (shapes[name].dimensions or (2,))[-1]

    if base in floating:
        return last(base)
    named = [axis for name in floating for axis in shapes[name].dimensions or () if axis in _CLASSES]
    if named:
        return named[0]
    told = [name for name in shapes if _OUTPUTS.fullmatch(name) and shapes[name].kind in ("size", "config")]
    for shape in (shapes[name] for name in told):
        if shape.kind == "size" and shape.dimensions:
            return shape.dimensions[0]
        if shape.values and type(shape.values[0]) is int:
            return shape.values[0]
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
