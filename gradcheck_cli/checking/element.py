"""One element of a gradient that is looked at closely, and the differences of it at all steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.curves import held_against, nearest, plateau
from gradcheck_cli.inspector.session import Curve
from gradcheck_cli.layers.case import Case
from gradcheck_cli.witnesses.differences.curve import curves
from gradcheck_cli.witnesses.differences.differencer import Differencer
from gradcheck_cli.witnesses.differences.evaluate import Evaluate
from gradcheck_cli.witnesses.gradients import Upstream

SECONDS = 10.0
"""That the differences of one element may take."""


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


def curve_at(element: Element, evaluate: Evaluate, case: Case, upstream: Upstream, differencer: Differencer) -> Curve:
    """Its differences at all steps, and the one that the witness takes.

    Raises:
        UserError: for a complex element; where the forward takes too long, or does not run nearby.
    """
    value = case.leaves[element.leaf].value
    if np.iscomplexobj(value):
        raise UserError("A complex element has two derivatives: differences are shown of real ones")
    index = tuple(int(at) for at in np.unravel_index(element.position, value.shape)) if value.ndim else ()
    found = curves(evaluate, case, upstream, element.leaf, [index], SECONDS)
    if not found:
        raise UserError(f"The forward takes too long: its differences at all steps need more than {SECONDS:g} s")
    difference, step = differencer.closely((element.leaf, index))
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


def _real(slope: complex | float | None) -> float | None:
    return None if slope is None or np.isnan(slope) else float(np.real(slope))
