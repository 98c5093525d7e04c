"""One case with everything the witnesses said about it: what later examinations of the same case start from."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BoundLayer, ForwardResult
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.gradients import Analytic, Autodiff, Upstream


@dataclass(frozen=True)
class Subject:
    """A case that was run.

    Attributes:
        bound: the layer in the user's own module.
        result: what its forward gave; its residuals have been through one backward.
        upstream: the upstream gradient that all witnesses used.
        analytic: the user's gradients for it.
        traced: the forward's trace; `Untraceable` where there is none, or its values are not the forward's.
        autodiff: the reference for every element, or why there is none.
        device: where JAX runs.
    """

    bound: BoundLayer
    case: Case
    result: ForwardResult
    upstream: Upstream
    analytic: Analytic
    traced: Trace | Untraceable
    autodiff: Autodiff | Untraceable
    device: str = "cpu"

    @property
    def differentiable(self) -> Trace | Untraceable:
        """The trace where JAX differentiates it in reverse; else why there is none."""
        return self.autodiff if isinstance(self.autodiff, Untraceable) else self.traced
