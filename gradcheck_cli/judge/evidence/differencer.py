"""What the judge asks of finite differences; `witnesses.finite_differences` answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from gradcheck_cli.witnesses.gradients import Difference, Directional

Place = tuple[int, tuple[int, ...]]
"""An element: the leaf's position in `Case.leaves`, and the index in that leaf."""


class Differencer(Protocol):
    """Finite differences of one case's forward, weighted by its upstream gradient, on demand.

    For a complex leaf an element's derivative is JAX's: `∂/∂Re − i ∂/∂Im`, so that the derivative along `v` is
    `Re Σ g·v`.
    """

    @property
    def evaluations(self) -> int:
        """How many times the forward has run so far."""

    @property
    def size(self) -> int:
        """How many elements the leaves have together."""

    def directional(self, count: int) -> tuple[Directional, ...]:
        """Derivatives along `count` random directions of all leaves together."""

    def elements(self, wanted: Collection[Place], *, one_sided: bool = False) -> Mapping[Place, Difference]:
        """Derivatives by the wanted elements; those that a limit left out are missing from the answer."""

    def together(self, places: Sequence[Place]) -> Difference | None:
        """The derivative along the line on which these elements of real leaves move together, by equal steps.

        None where a limit leaves no room.
        """

    def nearby(self, place: Place) -> Difference | None:
        """The element's difference with `lower` and `upper` widened to the gradients around the point.

        None where its one-sided slopes are not known, or a limit leaves no room.
        """

    def all_elements(self) -> Mapping[Place, Difference]:
        """Derivatives by every element; those that a limit left out are missing from the answer."""
