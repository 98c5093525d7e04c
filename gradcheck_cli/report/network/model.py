"""A network's backward pass as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.report.model import Status


@dataclass(frozen=True)
class Flow:
    """A gradient that a layer hands back.

    Attributes:
        argument: of the layer: `x`, `w`.
        to: who gets it: a layer, an input of the network; "" for a parameter.
        shape: of the argument.
        size: root mean square of the user's gradient; None where nothing usable came back.
        received_shape: of what came back, where it is another.
        error: how far it is from autodiff for the same upstream gradient, relative to the largest element.
        through: how far it is from autodiff of the whole network: this layer's error and those of the layers after it.
        fan_out: how many uses the value has whose gradient this is a part of; their gradients add.
    """

    argument: str
    to: str
    shape: tuple[int, ...]
    size: float | None
    received_shape: tuple[int, ...] | None = None
    error: float | None = None
    through: float | None = None
    fan_out: int = 1


@dataclass(frozen=True)
class Stage:
    """One use of a layer on the way back.

    Attributes:
        name: of the use: `fc1`, `fc1 (2)`.
        layer: as its module calls it.
        path, line: of its backward.
        used_at: the line of the network's module that uses it.
        upstream_shapes, upstream_size: of the gradient that came in, and its root mean square.
        flows: what it handed back.
        status: by itself, for the upstream gradient that came in. INCONCLUSIVE: not judged.
        why: a sentence where it is no pass.
    """

    name: str
    layer: str
    path: str
    line: int
    used_at: int
    upstream_shapes: tuple[tuple[int, ...], ...]
    upstream_size: float
    flows: tuple[Flow, ...]
    status: Status
    why: str = ""


@dataclass(frozen=True)
class NetworkReport:
    """A network's backward pass.

    Attributes:
        stages: in the order of the forward.
        first_wrong: name of the first stage, counted from the outputs, whose backward is wrong; "" where none is.
        slope, difference, bar: along a random direction of all inputs and parameters: by autodiff through all layers,
            and by finite differences of the whole network with their error bar; None where they were not taken.
    """

    stages: tuple[Stage, ...]
    first_wrong: str = ""
    slope: float | None = None
    difference: float | None = None
    bar: float | None = None
