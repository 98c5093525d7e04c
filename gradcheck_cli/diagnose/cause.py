"""A cause of wrong gradients, and a verdict that names it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.report.model import Blame, Finding


@dataclass(frozen=True)
class Cause:
    """Why some gradients of a layer are wrong, as it holds in two cases.

    Attributes:
        code: of the rule.
        gradients: the names of the leaves (`w`, `params['w']`) whose error it explains, in the layer's order.
        claim: what the finding says before its numbers, in upstream, local and downstream terms.
        explains: the share of the error that it explains; 1 is all.
        rank: how far-fetched it is; where several causes explain the same gradients, the lowest is named.
        mend: what to write instead, where known.
        blame: the place in the forward, where there is one.
        beside: another cause of the same gradients: only the two together explain them. Its gradients are among these.
    """

    code: str
    gradients: tuple[str, ...]
    claim: str
    explains: float
    rank: int
    mend: str | None = None
    blame: Blame | None = None
    beside: Cause | None = None


def chosen(causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """Causes that together explain as much as is explained at all, each gradient once.

    One cause of many gradients goes before many causes; then the simpler one, then the one that explains more.
    """
    left, kept = list(causes), []
    while left:
        best = min(left, key=lambda cause: (-len(cause.gradients), cause.rank, -cause.explains))
        kept.append(best)
        left = [cause for cause in left if not set(cause.gradients) & set(best.gradients)]
    return tuple(kept)


def is_wrong(leaf: LeafVerdict) -> bool:
    """Whether its values are wrong, and nothing more special was said of them."""
    return any(finding.code == "GC201" for finding in leaf.findings)


def with_causes(verdict: DrawVerdict, causes: Sequence[Cause]) -> DrawVerdict:
    """The verdict with each cause on the first wrong leaf that it explains, and nothing more on its others."""
    told: set[int] = set()
    leaves = []
    for leaf in verdict.leaves:
        name = leaf.received.leaf.name
        cause = next((cause for cause in causes if name in cause.gradients), None)
        if cause is not None and is_wrong(leaf):
            mismatches = [finding for finding in leaf.findings if finding.code == "GC201"]
            findings = [_named(finding, cause) for finding in mismatches]
            beside = cause.beside
            while beside is not None:
                findings += [_beside(finding, beside) for finding in mismatches]
                beside = beside.beside
            others = [finding for finding in leaf.findings if finding.code != "GC201"]
            leaf = replace(leaf, findings=(*([] if id(cause) in told else findings), *others))
            told.add(id(cause))
        leaves.append(leaf)
    return replace(verdict, leaves=tuple(leaves))


def _named(finding: Finding, cause: Cause) -> Finding:
    message = f"{cause.claim}; {finding.message}"
    return replace(finding, code=cause.code, message=message, mend=cause.mend, blame=cause.blame)


def _beside(finding: Finding, cause: Cause) -> Finding:
    return replace(finding, code=cause.code, message=cause.claim, mend=cause.mend, blame=cause.blame)
