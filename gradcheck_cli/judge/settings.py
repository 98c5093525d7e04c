"""What the user may decide about the judgement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How to judge.

    Attributes:
        atol, rtol: override the measured tolerance: an element fails when |yours − ref| > atol + rtol·|ref|.
            Where only one is given the other is zero; where none is given the tolerance is measured.
        full: finite differences on every element.
        max_evals: how many times one case's forward may be run for finite differences.
    """

    atol: float | None = None
    rtol: float | None = None
    full: bool = False
    max_evals: int = 20_000
