"""A cause of wrong gradients, and a verdict that names it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.report.model import Blame, Finding

_SIZES = re.compile("\ue000([^\ue001]*)\ue001")


def sizes_of(names: Sequence[str]) -> str:
    """Stands in a claim for ` (N = 4, D = 3)`: each draw that the claim is made of has its own."""
    return f"\ue000{' '.join(names)}\ue001"


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


def with_causes(
    verdicts: Sequence[DrawVerdict], causes: Sequence[Cause], arguments: Collection[str]
) -> list[DrawVerdict]:
    """The draws' verdicts with each cause on one leaf that it explains, and nothing more on its others.

    Args:
        arguments: the leaves whose wrong values have not been explained otherwise; the others are left as they are.
    """
    left = [replace(cause, gradients=tuple(name for name in cause.gradients if name in arguments)) for cause in causes]
    told = {leaf.received.leaf.name for verdict in verdicts for leaf in verdict.leaves if is_wrong(leaf)}
    places: dict[str, tuple[Cause, bool]] = {}
    for cause in left:
        at = next((name for name in cause.gradients if name in told), None)
        places |= {name: (cause, name == at) for name in cause.gradients}
    return [
        replace(verdict, leaves=tuple(_told(leaf, places, verdict.case.dimensions) for leaf in verdict.leaves))
        for verdict in verdicts
    ]


def _told(leaf: LeafVerdict, places: Mapping[str, tuple[Cause, bool]], sizes: Mapping[str, int]) -> LeafVerdict:
    """The leaf with its cause in place of the mere mismatch, or with nothing where another leaf has it."""
    name = leaf.received.leaf.name
    if name not in places or not is_wrong(leaf):
        return leaf
    cause, is_here = places[name]
    findings: list[Finding] = []
    for finding in leaf.findings:
        if finding.code != "GC201":
            findings.append(finding)
        elif is_here:
            findings.append(_named(finding, cause, sizes))
            beside = cause.beside
            while beside is not None:
                findings.append(_beside(finding, beside, sizes))
                beside = beside.beside
    return replace(leaf, findings=tuple(findings))


def _named(finding: Finding, cause: Cause, sizes: Mapping[str, int]) -> Finding:
    message = f"{claim_of(cause, sizes)}; {finding.message}"
    return replace(finding, code=cause.code, message=message, mend=cause.mend, blame=cause.blame)


def _beside(finding: Finding, cause: Cause, sizes: Mapping[str, int]) -> Finding:
    return replace(finding, code=cause.code, message=claim_of(cause, sizes), mend=cause.mend, blame=cause.blame)


def claim_of(cause: Cause, sizes: Mapping[str, int]) -> str:
    """The claim with the sizes that a draw has; an axis without a name is not in them."""

    def told(match: re.Match[str]) -> str:
        known = [f"{name} = {sizes[name]}" for name in match[1].split(" ") if name in sizes]
        return f" ({', '.join(known)})" if known else ""

    return _SIZES.sub(told, cause.claim)
