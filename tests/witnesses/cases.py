"""Cases without a user's module: a forward in plain NumPy, its leaves, and a bound layer that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck_cli.layers.case import Case, Leaf
from gradcheck_cli.layers.layer import Argument, BackwardResult, Convention, ForwardResult, Layer, Role
from gradcheck_cli.layers.leaves import is_floating, leaf_name, walk
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.upstream import draw_upstream


class Bound:
    """Runs `forward(**arguments)`; whatever it returns that is no tuple is its one output."""

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any] | None = None) -> None:
        self._forward = forward
        self._backward = backward

    def initial(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        return ForwardResult(self.evaluate(arguments), dict(arguments))

    def backward(self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]) -> Any:
        assert self._backward is not None
        return BackwardResult(self._backward(result.residuals, *cotangents))

    def evaluate(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        outputs = self._forward(**arguments)
        return outputs if isinstance(outputs, tuple) else (outputs,)

    reference = evaluate


def make_layer(names: tuple[str, ...], **changes: Any) -> Layer:
    settings: dict[str, Any] = {"convention": Convention.FUNCTION_PAIR} | changes
    return Layer(
        name="layer",
        path=Path("layer.py"),
        line=1,
        forward_line=1,
        arguments=tuple(Argument(name, Role.INPUT) for name in names),
        bind=lambda _: Bound(lambda: 0.0),
        **settings,
    )


def make_case(arguments: Mapping[str, Any], *, seed: int = 0, draw: int = 0, **layer: Any) -> Case:
    leaves = tuple(
        Leaf(leaf_name(name, path), name, path, np.asarray(leaf))
        for name, value in arguments.items()
        for path, leaf in walk(value)
        if is_floating(leaf)
    )
    return Case(
        layer=make_layer(tuple(arguments), **layer),
        draw=draw,
        seed=seed,
        arguments=arguments,
        leaves=leaves,
        differentiable=tuple(dict.fromkeys(leaf.argument for leaf in leaves)),
        dimensions={},
    )


def make_upstream(case: Case, forward: Callable[..., Any]) -> Upstream:
    return draw_upstream(case.layer, case, Bound(forward).evaluate(case.arguments))
