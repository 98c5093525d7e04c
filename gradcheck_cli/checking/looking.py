"""One draw of a layer looked at element by element: differences at every step, and what flows along which path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.checking.diagnosing import text_of
from gradcheck_cli.checking.draws import Drawn, Draws
from gradcheck_cli.checking.edited import taken
from gradcheck_cli.checking.keeping.arrays import digest_of_draw
from gradcheck_cli.checking.options import EditedDraw
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.diagnose.contributions import Flow, flows_into
from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.curves import held_against, nearest, plateau
from gradcheck_cli.inspector.session import Contribution, Curve, Dug
from gradcheck_cli.layers.inputs.randomness import repeatable
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.layer import BoundLayer, Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.users_code import quiet, raised
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.differences.curve import curves
from gradcheck_cli.witnesses.differences.differencer import Differencer
from gradcheck_cli.witnesses.differences.evaluate import evaluator
from gradcheck_cli.witnesses.gradients import Upstream

SECONDS = 10.0
"""That the differences of one element may take."""

ADDS_UP = 1e-6
"""The contributions are told where they add up to autodiff's gradient, but for this share of the largest."""


@dataclass(frozen=True)
class Element:
    """An element and what was said of it; None where nothing was.

    Attributes:
        leaf, position: the gradient, by its position, and the element in it, flattened.
    """

    leaf: int
    position: int
    yours: float | None = None
    autodiff: float | None = None
    tolerance: float | None = None


class Look:
    """One draw, its forward run and traced; what takes long is done once.

    Raises:
        UserError: for a draw that cannot be made.
    """

    def __init__(self, module: Module, layer: Layer, inputs: InputOptions, draw: EditedDraw, traces: Traces) -> None:
        if layer.network is not None:
            raise UserError(
                "A network is not dug into, but its layers are: choose in the list that which has this gradient"
            )
        self._module = module
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
        return digest_of_draw(self._drawn.case.arguments, self._upstream.cotangents)

    def dug(self, element: Element, device: str) -> Dug:
        """What can be found out about an element. Nothing that the user's code does raises here."""
        why: dict[str, str] = {}

        def tried(what: str, find: Callable[[], object]) -> object:
            try:
                with quiet():
                    return find()
            except UserError as error:
                why[what] = f"{error.message}."
            except Exception as error:
                why[what] = f"The forward {raised(error)}."
            return None

        curve = tried("curve", lambda: self._curve(element, device))
        contributions = tried("contributions", lambda: self._contributions(element, device))
        assert curve is None or isinstance(curve, Curve)
        assert contributions is None or isinstance(contributions, tuple)
        return Dug(curve, contributions, why)

    def _curve(self, element: Element, device: str) -> Curve:
        case, upstream = self._drawn.case, self._upstream
        value = case.leaves[element.leaf].value
        if np.iscomplexobj(value):
            raise UserError("A complex element has two derivatives: differences are shown of real ones")
        index = tuple(int(at) for at in np.unravel_index(element.position, value.shape)) if value.ndim else ()
        evaluate = evaluator(self._bound, case, device=device)
        found = curves(evaluate, case, upstream, element.leaf, [index], SECONDS)
        if not found:
            raise UserError(f"The forward takes too long: its differences at all steps need more than {SECONDS:g} s")
        traced = self._drawn.traced
        if self._differencer is None:
            narrowest = traced.narrowest if isinstance(traced, Trace) else None
            self._differencer = Differencer(evaluate, case, upstream, narrowest=narrowest)
        difference, step = self._differencer.closely((element.leaf, index))
        bar = None if difference is None else float(difference.error)
        given = None if difference is None else float(np.real(difference.value))
        return Curve(
            found[0].steps,
            found[0].values,
            held_against(element.autodiff, given),
            chosen=nearest(found[0].steps, step),
            plateau=plateau(found[0].values, bar),
            value=given,
            bar=bar,
            forward=_real(None if difference is None else difference.forward),
            backward=_real(None if difference is None else difference.backward),
        )

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


def _real(slope: complex | float | None) -> float | None:
    return None if slope is None or np.isnan(slope) else float(np.real(slope))
