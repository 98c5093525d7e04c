"""Complex gradients that are right in another convention than JAX's: told from other mistakes, and said so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.dimensions.reception import sort_out
from gradcheck_cli.judge.elements import compare
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.layers.conjugate import EXPECT, Conjugated
from gradcheck_cli.report.model import Finding
from gradcheck_cli.witnesses.analytic import run_backward, run_forward
from gradcheck_cli.witnesses.subject import Subject

OURS = "gradcheck uses JAX's convention, ∂φ/∂Re − i ∂φ/∂Im of the real cost φ"


def explained(verdict: DrawVerdict, subject: Subject) -> DrawVerdict:
    """The verdict; findings of complex gradients that a conjugate mends say so."""
    case = subject.case
    if subject.case.layer.expect == EXPECT or not any(_is_wrong(leaf) for leaf in verdict.leaves):
        return verdict
    complexes = any(np.iscomplexobj(leaf.value) for leaf in case.leaves)
    if not complexes and not any(np.iscomplexobj(flat) for flat in subject.upstream.flat):
        return verdict
    if _is_right_in_the_other(subject, verdict):
        name = "`np.conj` of the gradient for `np.conj` of the upstream gradient"
        said = f"it is right in the other convention (PyTorch's, TensorFlow's), its complex conjugate: {OURS}"
        mend = f'return {name}, or say `layer(..., expect="{EXPECT}")`'
        leaves = [_worded(leaf, said, mend) if _is_wrong(leaf) else leaf for leaf in verdict.leaves]
        return replace(verdict, leaves=tuple(leaves))
    leaves = []
    for leaf in verdict.leaves:
        if _is_wrong(leaf) and _is_conjugate(leaf):
            name = leaf.received.name
            said = f"yours is the complex conjugate of the gradient: {OURS}"
            leaf = _worded(leaf, said, f"return `np.conj({name})`")
        leaves.append(leaf)
    return replace(verdict, leaves=tuple(leaves))


def _is_wrong(leaf: LeafVerdict) -> bool:
    return any(finding.code == "GC201" for finding in leaf.findings) and leaf.reference is not None


def _is_conjugate(leaf: LeafVerdict) -> bool:
    """Whether the conjugate of yours is right in all elements."""
    yours, reference, tolerance = leaf.yours, leaf.reference, leaf.tolerance
    if yours is None or reference is None or tolerance is None or not np.iscomplexobj(yours):
        return False
    return not compare(np.conj(yours), reference, tolerance, leaf.bars).wrong.size


def _is_right_in_the_other(subject: Subject, verdict: DrawVerdict) -> bool:
    """Whether all gradients are right once the backward is given, and gives, conjugates."""
    case = subject.case
    try:
        result = run_forward(subject.bound, case)
        backward = run_backward(Conjugated(subject.bound), case, result, subject.upstream).backward
        received = sort_out(case, backward).leaves
    except UserError:
        return False
    for leaf, again in zip(verdict.leaves, received):
        reference, tolerance, yours = leaf.reference, leaf.tolerance, again.usable
        if yours is None or reference is None or tolerance is None:
            return False
        if compare(yours, reference, tolerance, leaf.bars).wrong.size:
            return False
    return True


def _worded(leaf: LeafVerdict, said: str, mend: str) -> LeafVerdict:
    def reworded(finding: Finding) -> Finding:
        if finding.code != "GC201":
            return finding
        return replace(finding, message=f"{finding.message}; {said}", mend=mend)

    return replace(leaf, findings=tuple(reworded(finding) for finding in leaf.findings))
