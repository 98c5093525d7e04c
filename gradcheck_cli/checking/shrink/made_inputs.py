"""Inputs that a function of the user's makes: where they are too long to be written out, a script calls it again."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from gradcheck_cli.checking.shrink.literals import Unwritable
from gradcheck_cli.checking.shrink.transcript import Transcript
from gradcheck_cli.layers.case import Specification
from gradcheck_cli.layers.inputs.building import generator_for
from gradcheck_cli.layers.layer import Role
from gradcheck_cli.layers.options import InputOptions


def statements(transcript: Transcript, specification: Specification, options: InputOptions) -> list[str]:
    """`given = affine_inputs(np.random.default_rng([0, 2, ...]))`, and the arguments taken from it.

    Raises:
        Unwritable: where there is no such function, it has no name, or it does not make all of them.
    """
    if specification.make is None:
        raise Unwritable("the inputs were drawn")
    case, layer = transcript.case, transcript.layer
    made = specification.make(generator_for(options, layer, "inputs", case.draw))
    hashed = [zlib.crc32(text.encode()) for text in (layer.name, "inputs")]
    seed = [case.seed & 0xFFFFFFFF, case.draw, *hashed]
    given = transcript.free("given", "made")
    taken = _taken(given, made, [item.name for item in layer.arguments if item.role is not Role.OWN_PARAMETER])
    of_variable = {variable: name for name, variable in transcript.variables.items()}
    left, right = [], []
    for variable, _ in transcript.inputs:
        name = of_variable[variable]
        if name not in taken:
            raise Unwritable(f"`{name}` is made elsewhere")
        left.append(variable)
        right.append(f"jnp.asarray({taken[name]})" if layer.uses_jax else taken[name])
    call = f"{transcript.names.of(specification.make)}(np.random.default_rng({seed}))"
    return [f"{given} = {call}", f"{', '.join(left)} = {', '.join(right)}"]


def _taken(given: str, made: Any, names: Sequence[str]) -> dict[str, str]:
    """By argument, how it is taken from what the function returned."""
    if isinstance(made, Mapping):
        return {str(name): f"{given}[{name!r}]" for name in made}
    if isinstance(made, (tuple, list)):
        return {name: f"{given}[{position}]" for position, name in enumerate(names[: len(made)])}
    return {names[0]: given} if names else {}
