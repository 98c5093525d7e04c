"""Under `jax.jit` as without: the user's forward and backward as one program give what they give step by step.

What may differ is what Python did while they were traced: a branch on a value, an array made by NumPy, other state.
"""

from __future__ import annotations

from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.derivatives.agreement import Words, disagreement
from gradcheck_cli.judge.derivatives.words import raised_finding
from gradcheck_cli.judge.examination import NOTHING, Examination, outcome
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.layers.layer import Convention
from gradcheck_cli.layers.users_code import raised
from gradcheck_cli.report.model import Finding
from gradcheck_cli.witnesses.derivatives.composed import ComposedBackward, compiled, leaf_gradients
from gradcheck_cli.witnesses.subject import Subject

NAME = "the same under jax.jit"
SITUATION = "under `jax.jit`"
CUSTOM_RULES = frozenset({Convention.CUSTOM_VJP, Convention.CUSTOM_JVP})
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
    return outcome(NAME, findings=() if found is None else (found,))


def _raised(subject: Subject, finding: Finding) -> Examination:
    if subject.case.layer.convention in CUSTOM_RULES:
        return outcome(NAME, findings=(finding,))
    message = finding.message.partition("; inputs: ")[0]
    place = f" (line {finding.line})" if finding.line else ""
    return Examination(notes=(f"it runs step by step only: {message}{place}",))
