"""One run of a layer as source text, ready to be put into a script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradcheck_cli.checking.shrink.names import ModuleNames
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BackwardResult, Layer


@dataclass(frozen=True)
class Transcript:
    """A run of a layer, ready to be put into a script.

    Attributes:
        names: what it needs of the module.
        inputs: `(name, value)` to assign first.
        upstream: the same for the upstream gradients; empty where the backward takes none.
        setup: statements before the forward: the object that is made, its parameters, the context.
        constructor: how the object is made, "" where there is none.
        forward_call: the call alone; `forward` assigns what it returns.
        backward: the statement that calls the backward; "" where the forward gives the gradients.
        outputs: a text for each output; how to take them from the call's value (`[0]`), None where they are stored.
        gradients: by argument, the text for what came back; no entry where nothing did.
        returned: what the whole return of the backward is called, "" where it is taken apart at once.
        own: by name of an own parameter, the text of where it is on the object.
        used: every name that the script has so far.
    """

    layer: Layer
    case: Case
    names: ModuleNames
    inputs: tuple[tuple[str, Any], ...]
    upstream: tuple[tuple[str, Any], ...]
    setup: tuple[str, ...]
    constructor: str
    forward: str
    forward_call: str
    backward: str
    backward_call: str
    outputs: tuple[str, ...]
    taken: tuple[str, ...] | None
    gradients: dict[str, str]
    returned: str
    result: BackwardResult
    variables: dict[str, str]
    own: dict[str, str]
    used: frozenset[str]

    def free(self, *names: str) -> str:
        """The first of these names that stands for nothing yet."""
        taken = self.used | set(self.names.used)
        return next((name for name in names if name not in taken), f"{names[0]}_{len(taken)}")
