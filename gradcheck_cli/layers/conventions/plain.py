"""What layers made of plain functions have in common: they own no parameters, and are their own reference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from gradcheck_cli.layers.layer import ForwardResult


class PlainFunctions(ABC):
    """The parts of `BoundLayer` that a convention of functions need not write again."""

    def initial(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Functions own no parameters."""
        del arguments
        return {}

    @abstractmethod
    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        """Run the forward; see `BoundLayer`. Each convention has its own."""

    def evaluate(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs only; see `BoundLayer`."""
        return self.forward(arguments).outputs

    def reference(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs by the forward; see `BoundLayer`."""
        return self.evaluate(arguments)
