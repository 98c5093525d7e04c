"""What both ways of judging a draw need, with autodiff and without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.judge.dimensions.reception import Reception
from gradcheck_cli.judge.evidence.evidence import Evidence
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import LeafVerdict
from gradcheck_cli.layers.case import Case
from gradcheck_cli.report.model import Finding
from gradcheck_cli.witnesses.gradients import Upstream


@dataclass(frozen=True)
class Situation:
    """One draw; `naturals`, `units` (`natural_size`) and `dtypes` have one entry a leaf."""

    case: Case
    upstream: Upstream
    reception: Reception
    evidence: Evidence
    settings: Settings
    rng: np.random.Generator
    naturals: tuple[float, ...]
    units: tuple[float, ...]
    dtypes: tuple[tuple[np.dtype[Any], ...], ...]


Judgement = tuple[tuple[LeafVerdict, ...], tuple[Finding, ...], tuple[str, ...]]
"""The leaves, the findings of no leaf, the notes."""
