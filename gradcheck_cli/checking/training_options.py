"""What may be asked of a training. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gradcheck_cli.layers.options import InputOptions

ABOUT = "this takes about "
"""How a message begins that says how long a training takes."""


@dataclass(frozen=True)
class TrainingOptions:
    """What is asked for.

    Attributes:
        inputs: how what is not given is drawn.
        steps: how many.
        rate: the learning rate.
        batch: examples a step; None for all of them.
        update: the module's update function or optimiser; None for one of a usual name, or the plain rule.
        data: a file of arrays by the name of the network's inputs (`.npz`).
        overfit: whether a few examples are to be learnt by heart.
    """

    inputs: InputOptions = field(default_factory=InputOptions)
    steps: int = 100
    rate: float = 0.1
    batch: int | None = None
    update: str | None = None
    data: Path | None = None
    overfit: bool = True
    device: str = "cpu"
