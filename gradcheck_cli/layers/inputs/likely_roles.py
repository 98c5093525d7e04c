"""What an argument that nothing describes is likely to be: data, a weight, labels, indices, a mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.conventions import naming
from gradcheck_cli.layers.inputs import names
from gradcheck_cli.layers.inputs.forward_source import ForwardSource
from gradcheck_cli.layers.inputs.templates import is_attention
from gradcheck_cli.layers.layer import Argument, Role


def likely_roles(
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
    if len(roles) == 1 and not any(shape.dimensions for shape in known.values() if shape.kind != "size"):
        # nor is `A` a weight beside sizes that a constructor makes its own parameters of
        roles = {name: "data" if role in ("weight", "feature") else role for name, role in roles.items()}
    return roles


def _is_given_target(argument: Argument) -> bool:
    """An input that a loss compares with, and that its backward has no gradient for."""
    return argument.role is Role.INPUT and not argument.differentiated and naming.is_label(argument.name)
