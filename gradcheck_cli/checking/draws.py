"""The cases of one layer, each with its forward run and traced; smaller ones where its loops unroll to many steps."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.layers.case import Case, Specification
from gradcheck_cli.layers.inputs.sampling import draw
from gradcheck_cli.layers.layer import BoundLayer, ForwardResult, Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.analytic import run_forward

UNROLLED = 200
"""Steps of a forward above which smaller sizes are drawn: compiling a gradient costs some 3 ms a step."""


@dataclass(frozen=True)
class Drawn:
    """One case, what the user's forward gave for it, and its trace."""

    case: Case
    result: ForwardResult
    traced: Trace | Untraceable

    @property
    def steps(self) -> int:
        """How many steps the trace has, 0 where there is none."""
        return self.traced.steps if isinstance(self.traced, Trace) else 0


class Draws:
    """Draws the cases of one layer in turn; `notes` says what was chosen."""

    def __init__(
        self,
        module: Module,
        layer: Layer,
        bound: BoundLayer,
        specification: Specification,
        inputs: InputOptions,
        traces: Traces,
    ) -> None:
        self._module = module
        self._layer = layer
        self._bound = bound
        self._specification = specification
        self._inputs = inputs
        self._traces = traces
        self._few_steps = False
        self._tried = False
        self.notes: tuple[str, ...] = ()

    def take(self, index: int) -> Drawn:
        """Draw number `index`.

        Raises:
            UserError: GC502, for a forward that raises.
        """
        drawn = self._draw(index, self._few_steps)
        if self._tried or drawn.steps <= UNROLLED:
            return drawn
        self._tried = True
        smaller = self._draw(index, few_steps=True)
        if not 0 < smaller.steps < drawn.steps:  # the user gave the sizes, or they are none of the loops'
            return drawn
        self._few_steps = True
        self.notes = (f"smaller draws: the forward unrolls to {drawn.steps:,} steps",)
        return smaller

    def _draw(self, index: int, few_steps: bool) -> Drawn:
        return self.of(draw(self._layer, self._specification, self._bound, self._inputs, index, few_steps=few_steps))

    def of(self, case: Case) -> Drawn:
        """A case that was made otherwise, run and traced.

        Raises:
            UserError: GC502, for a forward that raises.
        """
        result = run_forward(self._bound, case)
        return Drawn(case, result, self._traces.trace(self._module, case, result))
