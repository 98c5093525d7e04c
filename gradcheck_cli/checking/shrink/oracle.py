"""Whether a case still fails, asked as cheaply as can be: yours against finite differences, nothing compiled anew."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.checking.shrink.value_assertions import Wrong
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.dimensions.receiving import receive
from gradcheck_cli.judge.verdict import DIFFERENCES
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.witnesses.analytic import run_backward, run_forward
from gradcheck_cli.witnesses.differences.evaluate import Evaluate, evaluator
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.upstream import draw_upstream, widened

_STEP = 1e-5
_MOST_ELEMENTS, _SECONDS = 64, 0.5
"""How many elements of a case are looked at, and for how long, in seconds of this process."""
_BEND = 1e-2
"""How far the slopes on the two sides may be apart, as a part of the gradient: more is a kink, or nearly one."""
_NOISE = 1e-10
"""Of the function's own size: the rounding of a central difference with that step, roughly ε / step."""


class Differences:
    """Looks for a wrong element in one leaf's gradient; `need` is the least relative error that counts."""

    def __init__(self, bound: BoundLayer, position: int, need: float, device: str) -> None:
        self._bound = bound
        self._position = position
        self._need = need
        self._device = device
        self._evaluate: tuple[Any, Evaluate] | None = None

    def look(
        self, case: Case, upstream: Upstream | None, index: tuple[int, ...] | None = None
    ) -> tuple[Wrong, Upstream] | None:
        """The element at `index`, else the worst one, where it is clearly wrong and the forward is smooth along it."""
        try:
            result = run_forward(self._bound, case)
            used = upstream or draw_upstream(case.layer, case, result.outputs)
            analytic = run_backward(self._bound, case, result, used)
            leaf = case.leaves[self._position]
            yours = receive(case, analytic.backward.gradients, 1.0)[self._position].usable
            if yours is None or leaf.value.size == 0 or np.iscomplexobj(leaf.value) or np.iscomplexobj(yours):
                return None
            function = self._along(case, used)
            places = [index] if index is not None else itertools.islice(np.ndindex(leaf.value.shape), _MOST_ELEMENTS)
            until = time.process_time() + _SECONDS
            found = []
            for place in places:
                found.append(self._element(function, case, yours, place))
                if time.process_time() > until:
                    break
        except UserError:
            return None
        except (ArithmeticError, ValueError, TypeError, IndexError):
            return None
        wrong = max((item for item in found if item is not None), key=_plainness, default=None)
        return None if wrong is None else (wrong, used)

    def _along(self, case: Case, upstream: Upstream) -> Callable[[tuple[int, ...], float], float]:
        """The weighed sum of the outputs as a function of one element's displacement."""
        base = tuple(widened(leaf.value) for leaf in case.leaves)
        evaluate = self._evaluator(case)
        position = self._position

        def displaced(place: tuple[int, ...], by: float) -> float:
            moved = np.array(base[position])
            moved[place] += by
            outputs = evaluate((*base[:position], moved, *base[position + 1 :]))
            total = sum(np.sum(widened(output) * weight) for output, weight in zip(outputs, upstream.flat))
            return float(np.real(total))

        return displaced

    def _evaluator(self, case: Case) -> Evaluate:
        """One for all cases that differ in their leaves' values alone."""
        fixed: list[tuple[str, Any]] = [(leaf.name, leaf.value.shape) for leaf in case.leaves]
        fixed += [(name, id(value)) for name, value in case.arguments.items() if name not in case.differentiable]
        if self._evaluate is None or self._evaluate[0] != fixed:
            self._evaluate = (fixed, evaluator(self._bound, case, device=self._device))
        return self._evaluate[1]

    def _element(
        self,
        function: Callable[[tuple[int, ...], float], float],
        case: Case,
        yours: NDArray[Any],
        place: tuple[int, ...],
    ) -> Wrong | None:
        above, here, below = (function(place, by) for by in (_STEP, 0.0, -_STEP))
        slope = (above - below) / (2 * _STEP)
        mine = float(yours[place])
        if not math.isfinite(slope) or not math.isfinite(here):
            return None
        wrong = Wrong(case.leaves[self._position], place, mine, slope, DIFFERENCES)
        size = max(abs(slope), abs(mine) if math.isfinite(mine) else 0.0)
        bend = abs((above - here) - (here - below)) / _STEP
        noise = _NOISE * max(abs(here), size, 1.0)
        if bend > _BEND * size + 100 * noise:
            return None
        if not math.isfinite(mine):
            return wrong
        error = abs(mine - slope)
        if error < 100 * noise or wrong.relative < self._need:
            return None
        wider = (function(place, 2 * _STEP) - function(place, -2 * _STEP)) / (4 * _STEP)
        return wrong if error > 10 * abs(wider - slope) else None


def _plainness(wrong: Wrong) -> tuple[float, float]:
    """The larger relative error, rounded, so that the first of many equal ones is taken."""
    relative = min(wrong.relative, 10.0)
    return (round(relative, 3), -float(sum(wrong.index)))
