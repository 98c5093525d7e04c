"""The first witness: the user's own backward, run exactly as written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BoundLayer, ForwardResult
from gradcheck_cli.layers.leaves import fresh
from gradcheck_cli.witnesses.gradients import Analytic, Upstream


def run_forward(bound: BoundLayer, case: Case) -> ForwardResult:
    """The user's forward on copies of the case's arguments, in the layer's own dtype.

    Raises whatever the bound layer raises for a forward that fails (`UserError` with code GC502).
    """
    return bound.forward(copies(case.arguments))


def run_backward(bound: BoundLayer, case: Case, result: ForwardResult, upstream: Upstream) -> Analytic:
    """The user's backward after `result`, on copies of the upstream gradients.

    The residuals are handed on as they are: they are the user's own, and some hold what cannot be copied.

    Raises whatever the bound layer raises for a backward that fails (`UserError` with code GC502).
    """
    cotangents = tuple(fresh(cotangent) for cotangent in upstream.cotangents)
    return Analytic(result.outputs, bound.backward(result, cotangents, case.differentiable))


def copies(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, each a copy that the user's code may write into."""
    return {name: fresh(value) for name, value in arguments.items()}
