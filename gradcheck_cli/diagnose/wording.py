"""What blame says: a sentence in the words of the person who wrote the layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck_cli.judge.words import listing, number
from gradcheck_cli.report.model import Blame

WRONG_REDUCTION = "GC206"
DROPPED, SCALED = "GC209", "GC210"


@dataclass(frozen=True)
class Path:
    """A path that is wrong, and how.

    Attributes:
        size: 1 + α in the names of sizes, such as `1/N`; "" where it is a number.
        sizes: what those are here: `N = 4`.
        reduces: a sum on the path has so many terms, on the way forward or back.
        turns: of the loop that it is in: `in the last turn (t = 3)`; "" where it is in none.
        upstream: where it is an output's: what that one's upstream gradient is called.
        is_all: yours is zero where it is missing.
        leaves: what the gradients that are wrong by it belong to.
        constant: the number of the forward that it leaves out, takes twice or the other way, in words; "" for none.
    """

    blame: Blame
    size: str = ""
    sizes: str = ""
    reduces: bool = False
    turns: str = ""
    upstream: str = ""
    is_all: bool = False
    leaves: tuple[str, ...] = ()
    constant: str = ""

    @property
    def is_reduction(self) -> bool:
        """Whether a sum stands for a mean, or a mean for a sum."""
        return self.reduces and bool(self.size) and self.size.strip("1/()").replace("·", "").isidentifier()


def code(path: Path) -> str:
    """The rule: a path that is missing, or has another factor."""
    if path.blame.factor == -1:
        return DROPPED
    return WRONG_REDUCTION if path.is_reduction else SCALED


def claim(path: Path, gradients: Sequence[str], *, besides: bool = False) -> str:
    """What is wrong with the path.

    Args:
        gradients: all that are wrong by this, as the user calls them.
        besides: another path was named before.
    """
    blame = path.blame
    if path.upstream:
        where = f"{path.upstream}, of the output `{blame.expression}` (line {blame.line})"
    else:
        where = f"`{blame.expression}` (line {blame.line})"
        if blame.operand and blame.operand != blame.expression:
            where = f"`{blame.operand}` in {where}"
    where += f" {path.turns}" if path.turns and not path.is_all else ""
    said = _said(path, len(gradients))
    start = f"besides, your {listing(gradients)}" if besides else f"your {listing(gradients)}"
    return f"{start} {said} {where}{_mend(path)}"


def _said(path: Path, count: int) -> str:
    blame = path.blame
    has, counts, takes, is_ = ("has", "counts", "takes", "is") if count == 1 else ("have", "count", "take", "are")
    if path.upstream:
        way = "the upstream gradient"
    else:
        way = "one of the paths through" if blame.is_part else "the path through"
    if path.is_all:
        return f"{is_} zero: nothing flows back through"
    if blame.factor == -1:
        if path.upstream:
            return f"{has} no contribution from {way}"
        return f"{has} no contribution from {way}" if blame.is_part else f"{has} no contribution through"
    if path.size:
        return f"{takes} {path.size} times {way}"
    if blame.factor == -2:
        return f"{has} the wrong sign on {way}"
    if blame.factor == 1:
        return f"{counts} twice {way}"
    if blame.factor == -0.5:
        return f"{has} only half of {way}"
    return f"{takes} {number(1 + _factor(blame), 4)} times {way}"


def _factor(blame: Blame) -> float:
    assert blame.factor is not None, "a path has a factor"
    return blame.factor


def _mend(path: Path) -> str:
    blame = path.blame
    if path.upstream:
        return ": it must enter once" if blame.factor != -1 else ": it must be added"
    if blame.factor == -1:
        operand, leaves = blame.operand, [f"`{leaf}`" for leaf in path.leaves]
        if path.turns.startswith("in all turns but") and not path.is_all and operand in path.leaves:
            return ": each turn's must be added, by `+=`"
        if operand.isidentifier() and operand not in path.leaves and len(leaves) == 1:
            return f": `{operand}` depends on {leaves[0]}, so that path must be added"
        return ": that path must be added"
    if path.size:
        here = f", {path.sizes}" if path.sizes else ""
        if path.is_reduction:
            return f"{here}: a {'mean where the sum' if path.size.startswith('1/') else 'sum where the mean'} belongs"
        return f"{here}: that path must enter once"
    if path.constant:
        return f": {path.constant}"
    if blame.factor == -2:
        return ": the sign of its term must be turned"
    return ": that path must enter once"
