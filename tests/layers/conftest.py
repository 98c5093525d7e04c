"""Modules written to a folder as a user would write them, and their layers run as a later stage would run them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.layers.discovery import Discovery, find
from gradcheck_cli.layers.layer import BackwardResult, ForwardResult, Layer
from gradcheck_cli.layers.leaves import is_floating
from gradcheck_cli.layers.loading import load
from gradcheck_cli.layers.module import Module


@dataclass(frozen=True)
class Written:
    """A module that a test wrote, loaded and searched."""

    module: Module
    discovery: Discovery

    @property
    def names(self) -> list[str]:
        return [layer.name for layer in self.discovery.layers]

    def layer(self, name: str) -> Layer:
        return next(layer for layer in self.discovery.layers if layer.name == name)

    def run(self, name: str, **arguments: Any) -> tuple[ForwardResult, BackwardResult]:
        """Forward and backward with an upstream gradient of ones; defaults fill what is not given."""
        layer = self.layer(name)
        bound = layer.bind(self.module.namespace)
        given = {item.name: item.default for item in layer.arguments if item.has_default} | arguments
        given |= {key: value for key, value in bound.initial(given).items() if key not in arguments}
        result = bound.forward(given)
        differentiable = tuple(
            item.name for item in layer.arguments if item.differentiated and _is_differentiable(given.get(item.name))
        )
        return result, bound.backward(result, tuple(_ones(output) for output in result.outputs), differentiable)


def _is_differentiable(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_differentiable(item) for item in value.values())
    return hasattr(value, "shape") and is_floating(value)


def _ones(output: Any) -> Any:
    if isinstance(output, dict):
        return {key: _ones(value) for key, value in output.items()}
    if isinstance(output, (tuple, list)):
        return type(output)(_ones(value) for value in output)
    return np.ones_like(output)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Written]:
    """Write a module's text, load it and find its layers."""

    def written(source: str, name: str = "mylayer.py") -> Written:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import numpy as np\n" + textwrap.dedent(source), encoding="utf-8")
        module = load(path)
        return Written(module, find(module))

    return written
