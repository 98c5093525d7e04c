"""One wrong backward of the zoo, planted by hand or by mutation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.detection.planted import PLANTED, Planted

HAND = "by hand"


@dataclass(frozen=True)
class Bug:
    """One wrong backward.

    Attributes:
        name: `attention::multi_head_attention#term-dropped@41`, the same in every run; a hand-planted bug's own name
            stands after the `#`.
        module: the right module.
        layer: as `gradcheck list` prints it.
        source: the text of the module with the bug in it.
        kind: the mutation, or `by hand`.
        what: what was replaced, in a few words.
        code: the rule that describes a hand-planted bug, else "".
    """

    name: str
    module: Path
    layer: str
    source: str
    kind: str
    what: str
    code: str = ""

    @property
    def by_hand(self) -> bool:
        """Whether somebody thought of it."""
        return self.kind == HAND

    @property
    def breaks_a_contract(self) -> bool:
        """Whether the gradients of a single backward may well be right, and something else is wrong."""
        return self.code.startswith("GC3") or self.code in ("GC214", "GC401", "GC403")


def of_planted(planted: Planted) -> Bug:
    """A bug from the tables beside the zoo's modules."""
    name = f"{planted.module.stem}::{planted.layer}#{planted.name}"
    return Bug(name, planted.module, planted.layer, planted.source(), HAND, planted.what, planted.code)


def planted_by_hand(module: Path) -> tuple[Bug, ...]:
    """The hand-planted bugs of one module."""
    return tuple(of_planted(planted) for planted in PLANTED if planted.module == module)
