"""Under `jax.jit` as without: the user's forward and backward as one program give what they give step by step.

What may differ is what Python did while they were traced: a branch on a value, an array made by NumPy, other state.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.derivatives.agreement import Words, disagreement
from gradcheck_cli.judge.derivatives.words import raised_finding
from gradcheck_cli.judge.examination import NOTHING, Examination, outcome
from gradcheck_cli.judge.noise.own import loosened
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.layers.precision import epsilon
from gradcheck_cli.layers.users_code import raised
from gradcheck_cli.report.model import Finding
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.composed import ComposedBackward, compiled, leaf_gradients
from gradcheck_cli.witnesses.extended.function import in_extended
from gradcheck_cli.witnesses.extended.gradients import Programs, at_a_glance
from gradcheck_cli.witnesses.extended.interpreter import BeyondEvaluation
from gradcheck_cli.witnesses.subject import Subject

NAME = "the same under jax.jit"
SITUATION = "under `jax.jit`"
MEND = "compute with JAX's own operations: `jnp.where` for `if`, `jax.numpy` for NumPy, residuals for Python state"


def examine(subject: Subject, verdict: DrawVerdict, settings: Settings) -> Examination:
    """Compare the gradients of the first draw with those of one compiled program.

    A rule of JAX's exists to be traced, so that one that cannot be is wrong (GC502). A plain function may need values
    (`if x > 0`): that is said in a note.
    """
    del settings
    case, layer = subject.case, subject.case.layer
    if case.draw or not layer.uses_jax or not case.leaves:
        return NOTHING
    backward = ComposedBackward(subject.bound, case, subject.upstream)
    own = leaf_gradients(case, subject.analytic.backward)
    try:
        traced = compiled(backward, subject.device)
    except UserError as error:
        return _raised(subject, raised_finding(error, layer, SITUATION, MEND))
    except Exception as error:  # JAX's own, outside the user's lines
        message = f"{SITUATION} `{layer.name}` {raised(error)}"
        return _raised(subject, Finding("GC502", message, str(layer.path), layer.line, mend=MEND))
    words = Words(SITUATION, "compiled", "step by step", MEND)
    found = disagreement(case, verdict, traced, own, words)
    if found is not None and (loose := loosened(verdict, subject)) is not None:
        found = disagreement(case, loose.verdict, traced, own, words)
    if found is not None and _is_right_in_extended(backward, subject, verdict):
        return Examination(notes=(f"Compiled and step by step differ by rounding: {found.message}.",))
    return outcome(NAME, findings=() if found is None else (found,))


def _is_right_in_extended(backward: ComposedBackward, subject: Subject, verdict: DrawVerdict) -> bool:
    """Whether the traced program, computed with more digits, is the true gradient: then only rounding is in the way."""
    if not isinstance(subject.traced, Trace):
        return False
    try:
        gradients = in_extended(backward, epsilon(subject.case.dtype), *backward.values())
        truths = at_a_glance(Programs().of(subject.traced), subject.case, subject.upstream)[1].values
    except (UserError, BeyondEvaluation):
        return False
    return all(map(_is_true, verdict.leaves, gradients, truths))


def _is_true(leaf: LeafVerdict, gradient: NDArray[Any], truth: NDArray[Any]) -> bool:
    if leaf.tolerance is None or truth.shape != gradient.shape:
        return False
    with np.errstate(all="ignore"):
        error = np.abs(gradient - truth).reshape(-1)
    allowed = leaf.tolerance.at(np.abs(truth).reshape(-1).astype(np.float64), slice(None))
    return bool(np.all(error <= allowed))


def _raised(subject: Subject, finding: Finding) -> Examination:
    if subject.case.layer.is_rule:
        return outcome(NAME, findings=(finding,))
    message = finding.message.partition("; inputs: ")[0]
    place = f" (line {finding.line})" if finding.line else ""
    return Examination(notes=(f"it runs step by step only: {message}{place}",))
