"""What may be asked of a computation graph. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gradcheck_cli.layers.options import InputOptions


@dataclass(frozen=True)
class GraphOptions:
    """What is asked for.

    Attributes:
        inputs: how what is not given is drawn.
        at: values of arguments, by name: numbers and nested lists of them.
        ones: the upstream gradient is one everywhere; drawn where False, unless the output is a single number.
        yours: run the layer's own backward too.
        expand: what is opened: functions, gates by number, or `all`.
        collapse: what is one gate: `sigmoid=10-13`, or the name of a chain.
    """

    inputs: InputOptions = field(default_factory=InputOptions)
    at: Mapping[str, Any] = field(default_factory=dict)
    ones: bool = False
    yours: bool = False
    expand: tuple[str, ...] = ()
    collapse: tuple[str, ...] = ()
    device: str = "cpu"
