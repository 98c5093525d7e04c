"""What may be asked of a layer's Jacobians. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gradcheck_cli.layers.options import InputOptions


@dataclass(frozen=True)
class JacobianOptions:
    """What is asked for.

    Attributes:
        inputs: how what is not given is drawn.
        at: values of arguments, by name: numbers and nested lists of them.
    """

    inputs: InputOptions = field(default_factory=InputOptions)
    at: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
