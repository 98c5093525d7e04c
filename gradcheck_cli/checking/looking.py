"""One draw of a layer looked at element by element: differences at every step, and what flows along which path."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from gradcheck_cli.checking.diagnosing import text_of
from gradcheck_cli.checking.draws import Drawn, Draws
from gradcheck_cli.checking.edited import taken
from gradcheck_cli.checking.element import Element, curve_at
from gradcheck_cli.checking.keeping.arrays import digest_of_draw
from gradcheck_cli.checking.networks.looking import NetworkLook
from gradcheck_cli.checking.options import EditedDraw
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.diagnose.contributions import Flow, flows_into
from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.session import Contribution, Curve, Dug
from gradcheck_cli.layers.inputs.randomness import repeatable
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.layer import BoundLayer, Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.users_code import quiet, raised
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.differences.differencer import Differencer
from gradcheck_cli.witnesses.differences.evaluate import evaluator
from gradcheck_cli.witnesses.gradients import Upstream

Found = TypeVar("Found")

ADDS_UP = 1e-6
"""The contributions are told where they add up to autodiff's gradient, but for this share of the largest."""


class Look:
    """One draw, its forward run and traced; what takes long is done once.

    Raises:
        UserError: for a draw that cannot be made.
    """

    def __init__(self, module: Module, layer: Layer, inputs: InputOptions, draw: EditedDraw, traces: Traces) -> None:
        self._module = module
        self._network: NetworkLook | None = None
        if layer.network is not None:
            with quiet():
                self._network = NetworkLook(layer, inputs, draw, traces, traces.device)
            return
        with quiet():
            self._bound: BoundLayer = repeatable(layer.bind(module.namespace), module.namespace, inputs.seed)
            specification = specify(layer, module, self._bound, inputs)
            draws = Draws(module, layer, self._bound, specification, inputs, traces)
            self._drawn, self._upstream = taken(draws, draw.index, draw.edits)
        self._differencer: Differencer | None = None
        self._flows: dict[tuple[int, bool], tuple[Flow, ...] | None] = {}

    @property
    def digest(self) -> str:
        """Of the inputs, as `KeptDraw` has it."""
        if self._network is not None:
            return self._network.digest
        return digest_of_draw(self._drawn.case.arguments, self._upstream.cotangents)

    def dug(self, element: Element, device: str) -> Dug:
        """What can be found out about an element. Nothing that the user's code does raises here."""
        why: dict[str, str] = {}

        def tried(what: str, find: Callable[[], Found]) -> Found | None:
            try:
                with quiet():
                    return find()
            except UserError as error:
                why[what] = f"{error.message}."
            except Exception as error:
                why[what] = f"The forward {raised(error)}."
            return None

        if (network := self._network) is not None:
            curve = tried("curve", lambda: network.curve(element))
            growth = tried("growth", lambda: network.growth(element))
            return Dug(curve, None, why, growth)
        curve = tried("curve", lambda: self._curve(element, device))
        return Dug(curve, tried("contributions", lambda: self._contributions(element, device)), why)

    def _curve(self, element: Element, device: str) -> Curve:
        drawn, upstream = self._drawn, self._upstream
        evaluate = evaluator(self._bound, drawn.case, device=device)
        if self._differencer is None:
            narrowest = drawn.traced.narrowest if isinstance(drawn.traced, Trace) else None
            self._differencer = Differencer(evaluate, drawn.case, upstream, narrowest=narrowest)
        return curve_at(element, evaluate, drawn.case, upstream, self._differencer)

    def _contributions(self, element: Element, device: str) -> tuple[Contribution, ...]:
        drawn = self._drawn
        if isinstance(drawn.traced, Untraceable):
            raise UserError(f"The forward cannot be followed: {drawn.traced.reason}")
        if np.iscomplexobj(drawn.case.leaves[element.leaf].value):
            raise UserError("Contributions are shown of real elements")
        found: list[float] = []
        for with_rules in (False, True):
            flows = self._into(element.leaf, with_rules, drawn.traced, drawn, self._upstream, device)
            if flows is None:
                raise UserError("The forward has too many steps, or its arrays are too large: make them smaller")
            found = [float(flow.gradient.reshape(-1)[element.position]) for flow in flows]
            if _add_up(found, element.autodiff):
                return tuple(
                    Contribution(
                        "the output" if flow.use is None else flow.use.expression,
                        None if flow.use is None else flow.use.line,
                        value,
                        _is_missing(value, element),
                    )
                    for flow, value in zip(flows, found)
                )
        raise UserError("What flows along the paths does not add up to autodiff's gradient here: there is a kink")

    def _into(
        self, leaf: int, with_rules: bool, traced: Trace, drawn: Drawn, upstream: Upstream, device: str
    ) -> tuple[Flow, ...] | None:
        key = leaf, with_rules
        if key not in self._flows:
            self._flows[key] = flows_into(
                traced,
                drawn.case,
                upstream,
                leaf,
                device,
                lambda path: text_of(self._module, path),
                with_rules=with_rules,
            )
        return self._flows[key]


def _add_up(values: list[float], autodiff: float | None) -> bool:
    if autodiff is None or not np.isfinite(autodiff):
        return True
    largest = max([abs(autodiff), *map(abs, values)])
    return abs(sum(values) - autodiff) <= ADDS_UP * largest


def _is_missing(value: float, element: Element) -> bool:
    """Whether yours is the gradient without this much."""
    if element.yours is None or element.autodiff is None:
        return False
    tolerance = element.tolerance or 0.0
    return abs(value) > tolerance and abs(element.yours - (element.autodiff - value)) <= tolerance
