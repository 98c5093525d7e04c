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
        order: 2: the backward's own derivative too (layers written for JAX).
        vmap: a batched backward must equal the loop (layers written for JAX).
        stress: extreme but legal inputs too.
        diagnose: where values are wrong, look for the cause.
        shrink: on a failure, look for the smallest case that still fails.
    """

    atol: float | None = None
    rtol: float | None = None
    full: bool = False
    max_evals: int = 20_000
    order: int = 1
    vmap: bool = False
    stress: bool = False
    diagnose: bool = True
    shrink: bool = True
