"""Sentences of a training's report that every format says alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradcheck_cli.report.numbers import brief, counted
from gradcheck_cli.report.training.model import OverfitReport, OverfitTry, TrainedParameter, UpdateRule


def rule_sentence(rule: UpdateRule, rate: float) -> str:
    """How a step was made, in both runs, and whether that is the plain rule."""
    plain = f"w - lr * dw, lr = {rate:g}"
    if not rule.name:
        return f"{plain}, in both runs"
    told = f"`{rule.name}` (line {rule.line}), in both runs"
    if rule.departs is None:
        return f"{told}; each of its steps is {plain}"
    first = "from the first step on" if rule.departs == 1 else f"from step {rule.departs} on"
    if rule.factor is not None and rule.factor < 0:
        what = f"it goes uphill: {brief(rule.factor, 3)} times the plain step, w - lr * dw"
    elif rule.factor is not None and rule.departs == 1:
        what = f"{brief(rule.factor, 3)} times the plain step, w - lr * dw"
    else:
        what = "another rule than w - lr * dw"
    return f"{told}; {first} it is {what}, at `{rule.parameter}` first".replace("it is it goes", "it goes")


def by_heart(found: OverfitReport) -> str:
    """Whether a few examples could be learnt."""
    return (
        f"{counted(found.examples, 'example')}, below {100 * found.share:g} % of the loss: "
        f"yours {_tried(found.yours, fits=found.fits_yours)}; "
        f"autodiff's {_tried(found.autodiff, fits=found.fits_autodiff)}"
    )


def _tried(tried: OverfitTry | None, *, fits: bool) -> str:
    if tried is None:
        return "not tried"
    if fits:
        return f"yes, after {counted(tried.steps, 'step')} at lr {tried.rate:g}"
    return f"no, {brief(100 * tried.share, 3)} % at best, at lr {tried.rate:g}"


def figures(norms: Sequence[float]) -> tuple[str, str, str, str]:
    """First, last, smallest and largest of a layer's norms."""
    known = [norm for norm in norms if math.isfinite(norm)]
    if not known:
        return ("–", "–", "–", "–")
    return brief(norms[0], 3), brief(norms[-1], 3), brief(min(known), 3), brief(max(known), 3)


def parted(one: TrainedParameter) -> tuple[str, str, str, str, str]:
    """When a parameter's gradient differs, by how much, when its values part, how far, and how far rounding goes."""
    differs = "never" if one.differs is None else f"at step {one.differs:,}"
    by = "" if one.differs is None else "no gradient" if one.error is None else brief(one.error)
    parts = "never" if one.parts is None else f"after step {one.parts:,}"
    return differs, by, parts, brief(one.difference), brief(one.rounding)
