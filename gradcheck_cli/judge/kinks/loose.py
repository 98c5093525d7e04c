"""Tolerances that a kink has made loose.

`drift` is how far the reference moves when the inputs move by a rounding. At a tie it moves by a whole slope, however
small the rounding, and an element would then be excused whatever it is. So where the drift is a large part of the
gradient itself, one-sided differences are asked, and where they show a kink the drift is taken back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.elements import compare
from gradcheck_cli.judge.evidence.evidence import Evidence
from gradcheck_cli.judge.evidence.inquiry import LeafCase
from gradcheck_cli.judge.kinks.slopes import FEW, kink
from gradcheck_cli.judge.leaf import scalar
from gradcheck_cli.judge.noise.tolerance import Tolerance

LARGE_SHARE = 0.05
"""Of the gradient's size: a drift above it is a kink's, or the layer is so ill-conditioned that nothing can be said."""

MOST = 64
"""How many elements of a leaf are asked. Where all of them are at kinks, the rest is taken to be so too."""


def tightened(leaf: LeafCase, evidence: Evidence) -> LeafCase:
    """The leaf, without the drift that it owes to kinks."""
    tolerance, yours = leaf.tolerance, leaf.received.usable
    if tolerance.drift is None or yours is None or np.iscomplexobj(leaf.autodiff) or not evidence.possible:
        return leaf
    loose = _loose(leaf.autodiff, tolerance)
    candidates = np.flatnonzero(loose)
    if not candidates.size:
        return leaf
    asked = candidates[:MOST]
    evidence.look_at((leaf.place(int(at)) for at in asked[:FEW]), one_sided=True)
    if any(_is_kink(leaf, int(at), evidence) for at in asked[:FEW]):
        evidence.look_at((leaf.place(int(at)) for at in asked), one_sided=True)
    kinked = [int(at) for at in asked if _is_kink(leaf, int(at), evidence)]
    if not kinked:
        return leaf
    where = candidates if len(kinked) == len(asked) else np.array(kinked)
    tight = _without(tolerance, where, loose)
    return replace(leaf, tolerance=tight, comparison=compare(yours, leaf.autodiff, tight))


def _loose(reference: NDArray[Any], tolerance: Tolerance) -> NDArray[np.bool_]:
    size = np.abs(reference).reshape(-1)
    if tolerance.scale is not None:
        size = np.fmax(size, tolerance.scale.reshape(-1))
    assert tolerance.drift is not None
    typical = float(np.mean(size[np.isfinite(size)])) if np.isfinite(size).any() else 0.0
    drift = tolerance.drift.reshape(-1)
    return np.asarray((drift > LARGE_SHARE * np.fmax(size, typical)) & (drift > 0))


def _is_kink(leaf: LeafCase, at: int, evidence: Evidence) -> bool:
    difference = evidence.elements.get(leaf.place(at))
    if difference is None:
        return False
    yours = scalar(leaf.autodiff, at)
    without = leaf.tolerance.relative * abs(yours) + leaf.tolerance.floor if np.isfinite(yours) else 0.0
    return kink(difference, without) is not None


def _without(tolerance: Tolerance, where: NDArray[np.int64], loose: NDArray[np.bool_]) -> Tolerance:
    """The tolerance without drift there; elsewhere no more than the drift's middle value, if that was a kink's."""
    assert tolerance.drift is not None
    drift = tolerance.drift.reshape(-1).copy()
    middle = float(np.median(drift))
    if loose.mean() >= 0.5:
        drift[drift <= middle] = float(np.median(drift[~loose])) if not loose.all() else 0.0
    drift[where] = 0.0
    changes: dict[str, Any] = {"drift": drift.reshape(tolerance.drift.shape)}
    jitter = getattr(tolerance, "jitter", None)
    if jitter is not None:
        jitter = jitter.copy()
        jitter.reshape(-1)[where] = 0.0
        changes["jitter"] = jitter
    return replace(tolerance, **changes)
