"""One run of a layer with everything that went through the user's functions, and fresh names for it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck_cli.judge.words import argument_gradient_name
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.conventions.starting import starter
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer, ForwardResult, Layer
from gradcheck_cli.layers.leaves import fresh
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Call, recorded
from gradcheck_cli.witnesses.analytic import copies
from gradcheck_cli.witnesses.gradients import Upstream

_TAKEN = frozenset({"np", "jnp", "jax", "layer", "ctx", "m", "sys", "yours"})
"""Names that scripts use for themselves."""


@dataclass(frozen=True)
class Observation:
    """What was handed to a layer, what was called, and what came back: the very objects.

    What was handed on may have been written into since: `case` and `upstream` have the values as they were.
    """

    module: Module
    case: Case
    upstream: Upstream
    given: Mapping[str, Any]
    cotangents: tuple[Any, ...]
    calls: tuple[Call, ...]
    result: ForwardResult
    returned: BackwardResult

    @property
    def layer(self) -> Layer:
        """The layer that was run."""
        return self.case.layer

    @property
    def constructor(self) -> Call | None:
        """The call that made the object, for layers that are classes."""
        return self.calls[0] if len(self.calls) > 1 and isinstance(self.calls[0].function, type) else None

    @property
    def start(self) -> Call | None:
        """The call of a method that makes the parameters where the constructor does not."""
        if self.constructor is None or len(self.calls) < 3:
            return None
        called = getattr(self.calls[1].function, "__name__", "")
        return self.calls[1] if called and called == starter(type(self.constructor.returned)) else None

    @property
    def used(self) -> tuple[Call, ...]:
        """The calls of the forward and after it."""
        return self.calls[bool(self.constructor) + bool(self.start) :]

    def by_argument(self, value: Sequence[Any]) -> dict[int, str]:
        """Which argument each returned position is the gradient of; one object may come back twice."""
        found: dict[int, str] = {}
        for argument, gradient in self.returned.gradients.items():
            for position, item in enumerate(value):
                if item is gradient and item is not None and position not in found:
                    found[position] = argument
                    break
        return found

    def inputs(self, names: Sequence[str], variables: Mapping[str, str]) -> tuple[tuple[str, Any], ...]:
        """What is to be assigned for these arguments: variable and value."""
        return tuple((variables[name], self.case.arguments[name]) for name in names if not self.is_plain(name))

    def is_plain(self, name: str) -> bool:
        """Whether an argument is a setting that is written where it is used."""
        return isinstance(self.given[name], (bool, int, str, bytes, type(None)))


def observe(module: Module, bound: BoundLayer, case: Case, upstream: Upstream) -> Observation:
    """Run forward and backward once.

    Raises:
        UserError: where the user's code raises.
    """
    given = copies(case.arguments)
    cotangents = tuple(fresh(cotangent) for cotangent in upstream.cotangents)
    with recorded() as calls:
        result = bound.forward(given)
        returned = bound.backward(result, cotangents, case.differentiable)
    return Observation(module, case, upstream, given, cotangents, tuple(calls), result, returned)


class Vocabulary:
    """Names for what a script assigns, each used once."""

    def __init__(self, seen: Observation) -> None:
        self._layer = seen.layer
        called = [call.function for call in seen.calls if not inspect.ismethod(call.function)]
        self._functions = {getattr(function, "__name__", "") for function in called} | {seen.layer.name}
        self._count = len(seen.cotangents)
        self.used: set[str] = set(_TAKEN)
        self.variables = {name: self.fresh(name) for name in seen.given}
        self.upstream = self._upstream_names()

    def fresh(self, name: str) -> str:
        """A name like this one that nothing else in the script has."""
        clean = re.sub(r"\W", "_", name).strip("_") or "value"
        clean = clean if clean.isidentifier() else f"_{clean}"
        chosen, count = clean, 1
        while chosen in self.used or chosen in self._functions:
            count += 1
            chosen = f"{clean}{count}" if not clean[-1].isdigit() else f"{clean}_{count}"
        self.used.add(chosen)
        return chosen

    def output_name(self, position: int) -> str:
        """`next_h` where its upstream gradient is `dnext_h`; else `out`."""
        names = self._layer.upstream_names
        name = names[position] if position < len(names) else ""
        match = re.fullmatch(r"(?:d|grad_?)_?([A-Za-z]\w*)", name)
        return match[1] if match else "out"

    def gradient(self, argument: str) -> str:
        """A fresh name for the gradient of an argument, the user's own where it is a name."""
        name = argument_gradient_name(self._layer, argument)
        return self.fresh(name if name.isidentifier() else "d" + re.sub(r"\W", "_", argument))

    def _upstream_names(self) -> tuple[str, ...]:
        said = self._layer.upstream_names
        names = [said[k] if k < len(said) and said[k].isidentifier() else "dout" for k in range(self._count)]
        return tuple(self.fresh(name) for name in names)
