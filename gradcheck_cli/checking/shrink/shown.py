"""One way to show a failure, as statements."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """Statements: `before` the forward, `after` the backward.

    Attributes:
        alone: forward and backward are called in these statements only.
    """

    after: tuple[str, ...]
    before: tuple[str, ...] = ()
    alone: bool = False
