"""All examinations of further derivatives in turn; the first that finds something speaks for the one cause."""

from __future__ import annotations

from gradcheck_cli.judge.derivatives import batches, compiled, forward_mode, second_order
from gradcheck_cli.judge.examination import Examination
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.layers.forward_mode import forward_mode_of
from gradcheck_cli.witnesses.subject import Subject

REVERSE_MODE = (compiled.examine, second_order.examine, batches.examine)


def examine(subject: Subject, verdict: DrawVerdict, settings: Settings) -> Examination:
    """Forward mode; then, of a backward that JAX can run, under `jit`, its own derivative, and under `vmap`."""
    found = forward_mode.examine(subject, verdict, settings)
    if found.findings or not _has_a_backward(subject):
        return found
    for another in REVERSE_MODE:
        found += another(subject, verdict, settings)
        if found.findings:
            break
    return found


def _has_a_backward(subject: Subject) -> bool:
    """Whether the backward is one to JAX: a jvp rule that cannot be transposed is judged in forward mode only."""
    rule = forward_mode_of(subject.bound)
    return rule is None or not rule.why_not_transposed(subject.result, subject.upstream.cotangents)
