"""A computation graph as plain data: gates, the wires between them, values forward and gradients backward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.generic]


@dataclass(frozen=True)
class Wire:
    """A value that one gate makes (or an input is) and others use.

    Attributes:
        number: its position in `Graph.wires`.
        name: what the user calls it (`x`, `mu`), "" where it has no name.
        kind: `input`, `constant` or `inner`.
        value: forward.
        gradient: backward, in the value's shape: the sum of what comes back along all its uses; None where none does.
        yours: the user's own gradient of an input, where that was asked for.
        label: the name, or `#7` for what gate 7 made.
    """

    number: int
    name: str
    kind: str
    value: Array
    gradient: Array | None = None
    yours: Array | None = None
    label: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the value."""
        return tuple(self.value.shape)


@dataclass(frozen=True)
class Port:
    """An input of a gate.

    Attributes:
        wire: the number of the wire that is plugged in; None for a constant that is written in the expression.
        constant: that constant.
        local: the derivative of the gate's output by this input, element by element; None where an output element
            depends on more than the input element in its place.
        formula: the local gradient in words: `w`, `1 for each`, `1 where it is the largest`; may be "".
        downstream: what goes back along this port: upstream × local; None where no gradient flows.
    """

    wire: int | None
    constant: Array | None = None
    local: Array | None = None
    formula: str = ""
    downstream: Array | None = None


@dataclass(frozen=True)
class Gate:
    """One operation, or a call of a named function with the operations inside it.

    Attributes:
        number: in the order of computation, from 1; a call has that of its last operation.
        operation: the field's name: `multiply`, `exp`, `matrix product`, or the function's.
        inputs: one for each operand; of a call, one for each wire that comes from outside.
        outputs: wires that it makes; of a call, those that are used outside.
        pattern: what it does to gradients: `distributor`, `switcher`, `router`; "" where that has no name.
        path, line: in the user's source; None where not known.
        expression: the text there that it computes; "" where not known.
        parts: of a call, what is inside, in order.
        folded: a call that is shown as one gate.
    """

    number: int
    operation: str
    inputs: tuple[Port, ...]
    outputs: tuple[int, ...]
    pattern: str = ""
    path: str = ""
    line: int | None = None
    expression: str = ""
    parts: tuple[Gate, ...] = ()
    folded: bool = False

    def operations(self) -> Iterator[Gate]:
        """The operations inside, itself where it is one."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.operations()


@dataclass(frozen=True)
class Graph:
    """The computation of one function at one set of inputs.

    Attributes:
        upstream: by output, the gradient that came in.
    """

    name: str
    path: str
    line: int
    seed: int
    wires: tuple[Wire, ...]
    gates: tuple[Gate, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    upstream: tuple[Array, ...] = ()
    notes: tuple[str, ...] = ()

    def shown(self) -> Iterator[Gate]:
        """The gates in order, folded calls as one."""
        for gate in self.gates:
            yield from _shown(gate)

    def label(self, wire: int) -> str:
        """The wire's name, or where it comes from: `#3`."""
        return self.wires[wire].label or self.wires[wire].name or f"v{wire}"


def _shown(gate: Gate) -> Iterator[Gate]:
    if gate.folded or not gate.parts:
        yield gate
    else:
        for part in gate.parts:
            yield from _shown(part)
