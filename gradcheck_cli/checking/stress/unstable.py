"""The finding for an instability: what, where from on, at which inputs, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.checking.stress.culprit import Culprit
from gradcheck_cli.checking.stress.smallest import Smallest
from gradcheck_cli.judge.instability import Symptom
from gradcheck_cli.judge.words import gradient_name, listing, number
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.inputs.extremes import Extreme
from gradcheck_cli.report.model import Finding, NamedArray

MOST_WORDS = 2
"""Other kinds of inputs that are named."""

SHOWN = 6
"""Entries of an array that is written out in the message."""


@dataclass(frozen=True)
class Unstable:
    """A finding, with the inputs that show it and what they show."""

    finding: Finding
    case: Case
    symptom: Symptom


def finding(
    extreme: Extreme,
    symptoms: Sequence[Symptom],
    also: Sequence[str],
    least: Smallest,
    culprit: Culprit | None,
    mend: str,
) -> Finding:
    """One finding for all arrays that were off in the same case."""
    case, symptom = least.case, least.symptom
    layer = case.layer
    forward = symptom.leaf is None
    subject = f"the forward of `{layer.name}`" if forward else _gradients(case, symptoms)
    message = f"{subject} {_what(symptom, forward)} {_where(extreme, least.magnitude)}{_inputs(extreme, case)}"
    if also:
        message += f"; also at inputs that are {_either(also)}"
    place = ""
    if culprit is not None:
        at = f" (line {culprit.line})" if culprit.line is not None else ""
        place = f"; `{culprit.step}`{at} is the first step that its dtype cannot hold"
    return Finding(
        code=symptom.code,
        message=message + place,
        path=str(layer.path),
        line=layer.forward_line if forward else layer.line,
        argument=None if symptom.leaf is None else case.leaves[symptom.leaf].name,
        index=symptom.index,
        yours=symptom.yours,
        autodiff=symptom.truth,
        mend=mend or None,
        inputs=tuple(NamedArray(name, value) for name, value in case.arguments.items() if value is not None),
    )


def _gradients(case: Case, symptoms: Sequence[Symptom]) -> str:
    named = [gradient_name(case.layer, case.leaves[one.leaf]) for one in symptoms if one.leaf is not None]
    return listing(named)


def _what(symptom: Symptom, forward: bool) -> str:
    exact = (
        "finite differences give" if not symptom.is_exact else "the exact value is" if forward else "the gradient is"
    )
    if symptom.is_finite:
        return f"is {number(symptom.yours)} where {exact} {number(symptom.truth)},"
    kind = "NaN" if np.isnan(symptom.yours) else "infinite"
    return f"is {kind} where {exact} {number(symptom.truth)},"


def _where(extreme: Extreme, magnitude: float | None) -> str:
    names = listing(extreme.arguments)
    if magnitude is None:
        return f"with {names} {extreme.words}"
    inside = " and ".join(f"|{name}|" for name in extreme.arguments)
    if extreme.is_scaled:
        return f"from {inside} {'≥' if extreme.grows else '≤'} {magnitude:g} on"
    return f"with {names} {extreme.words}, from {magnitude:g} on"


def _inputs(extreme: Extreme, case: Case) -> str:
    """`: x = [[709.8]]`, where that is short."""
    shown = []
    for name in extreme.arguments:
        value = np.asarray(case.arguments[name]) if not isinstance(case.arguments[name], (dict, list, tuple)) else None
        if value is None or value.dtype == object or value.size > SHOWN:
            return ""
        shown.append(f"{name} = {value.tolist()}")
    return f", such as {', '.join(shown)}" if shown else ""


def _either(words: Sequence[str]) -> str:
    more = f" or in {len(words) - MOST_WORDS} other ways extreme" if len(words) > MOST_WORDS else ""
    return "; ".join(words[:MOST_WORDS]) + more
