"""`--vmap`: a batched backward equals the loop: `jax.vmap` of forward and backward against one run for each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.derivatives.agreement import Words, disagreement
from gradcheck_cli.judge.derivatives.words import raised_finding
from gradcheck_cli.judge.examination import NOTHING, Examination, outcome
from gradcheck_cli.judge.noise.own import loosened
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.layers.users_code import raised
from gradcheck_cli.report.model import Finding
from gradcheck_cli.witnesses.composed import ComposedBackward
from gradcheck_cli.witnesses.derivatives.batches import Rows, batched, one_by_one, rows_of
from gradcheck_cli.witnesses.subject import Subject

NAME = "the same under jax.vmap"


def examine(subject: Subject, verdict: DrawVerdict, settings: Settings) -> Examination:
    """Compare the batch with the loop where `settings.vmap`: all arguments in the batch, then only the first."""
    case, layer = subject.case, subject.case.layer
    if not settings.vmap or not case.leaves:
        return NOTHING
    if not layer.uses_jax:
        return Examination(notes=("`--vmap` is for layers written for JAX",))
    backward = ComposedBackward(subject.bound, case, subject.upstream)
    for which in _batched_leaves(subject):
        rows = rows_of(backward, case, which)
        found = _compared(subject, verdict, backward, rows, which)
        if found is not None:
            return outcome(NAME, findings=(found,))
    return outcome(NAME)


def _batched_leaves(subject: Subject) -> list[tuple[bool, ...]]:
    """Which leaves have a batch axis: all; and where there are several arguments, those of the first."""
    leaves = subject.case.leaves
    ways = [tuple(True for _ in leaves), tuple(leaf.argument == leaves[0].argument for leaf in leaves)]
    return list(dict.fromkeys(ways))


def _compared(
    subject: Subject, verdict: DrawVerdict, backward: ComposedBackward, rows: Rows, which: Sequence[bool]
) -> Finding | None:
    case, layer = subject.case, subject.case.layer
    situation = "under `jax.vmap`" if all(which) else f"under `jax.vmap` over `{case.leaves[0].argument}` alone"
    try:
        loop = one_by_one(backward, rows)
    except UserError:  # inputs a little off the drawn ones are none: nothing can be said
        return None
    try:
        together: tuple[Any, ...] = batched(backward, rows, which)
    except UserError as error:
        return raised_finding(error, layer, situation)
    except Exception as error:  # JAX's own, outside the user's lines: a step that cannot be batched
        message = f"{situation} the backward of `{layer.name}` {raised(error)}"
        return Finding("GC502", message, str(layer.path), layer.line)
    words = Words(
        situation,
        "in the batch",
        "one by one",
        "look at callbacks (`vmap_method`), at `custom_vmap` rules, and at what depends on values in Python",
    )
    found = disagreement(case, verdict, together, loop, words)
    if found is not None and (loose := loosened(verdict, subject)) is not None:
        found = disagreement(case, loose.verdict, together, loop, words)
    return found
