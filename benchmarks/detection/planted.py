"""The bugs planted by hand in the zoo: what is replaced in which backward, and why it is wrong.

They stand beside the modules, `zoo/attention.toml` for `zoo/attention.py`, one table `[[bug]]` each:

    [[bug]]
    name = "mha-value-path"             # unique in the zoo
    layer = "multi_head_attention"      # as `gradcheck list` prints it
    old = "dx += ..."                   # occurs once in the module, in the backward of that layer
    new = ""
    what = "the path through the values is left out of dx"
    code = "GC209"                      # the rule that describes the cause, not the one that is reported today
    also = ["GC210"]                    # rules that a teacher would accept as the cause too; may be missing
    forward = "v = np.einsum("          # the line of the forward that the backward gets wrong; may be missing

A use of a value can be named where the value is made or where it is used: `forward` is then a list, and any of its
lines is right. `GC201` as the code means that no rule describes the cause.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ZOO_FOLDER = Path(__file__).parent / "zoo"
ZOO: tuple[Path, ...] = tuple(sorted(path for path in ZOO_FOLDER.glob("*.py") if path.name != "__init__.py"))


@dataclass(frozen=True)
class Planted:
    """One wrong backward: the source of `module` with `old` replaced by `new`."""

    name: str
    module: Path
    layer: str
    old: str
    new: str
    what: str
    code: str
    also: tuple[str, ...] = ()
    forward: tuple[str, ...] = ()

    def source(self) -> str:
        """The module's source with the bug in it.

        Raises:
            ValueError: `old` does not occur exactly once.
        """
        right = self.module.read_text(encoding="utf-8")
        occurrences = right.count(self.old)
        if occurrences != 1:
            raise ValueError(
                f"{self.name}: `{self.old}` occurs {occurrences} times in {self.module.name}, expected once"
            )
        return right.replace(self.old, self.new)

    def forward_lines(self) -> frozenset[int]:
        """The numbers of the lines of `forward`, in the source with the bug in it.

        Raises:
            ValueError: one occurs neither once in the forward that has the layer's name nor once in the module.
        """
        source = self.source()
        return frozenset(line for snippet in self.forward for line in self._lines_of(snippet, source))

    def _lines_of(self, snippet: str, source: str) -> range:
        start, stop = _span(source, self.layer)
        if source.count(snippet, start, stop) != 1:
            start, stop = 0, len(source)
        if source.count(snippet, start, stop) != 1:
            raise ValueError(f"{self.name}: `{snippet}` does not occur once in {self.module.name}")
        first = source.count("\n", 0, source.index(snippet, start)) + 1
        return range(first, first + snippet.count("\n") + 1)


def _span(source: str, layer: str) -> tuple[int, int]:
    """Where the definition of a layer's forward begins and ends, if it has the layer's name; else nowhere."""
    found = re.search(rf"^(def|class) {layer}(_forward)?\b.*?(?=^[^\s)]|\Z)", source, re.MULTILINE | re.DOTALL)
    return found.span() if found else (0, 0)


def planted_in(module: Path) -> tuple[Planted, ...]:
    """The bugs of one module of the zoo, in the order of its table; none where it has no table."""
    table = module.with_suffix(".toml")
    if not table.exists():
        return ()
    return tuple(_planted(module, **bug) for bug in tomllib.loads(table.read_text(encoding="utf-8"))["bug"])


def _planted(module: Path, forward: str | Sequence[str] = (), also: Sequence[str] = (), **bug: Any) -> Planted:
    lines = (forward,) if isinstance(forward, str) else tuple(forward)
    return Planted(module=module, also=tuple(also), forward=lines, **bug)


PLANTED: tuple[Planted, ...] = tuple(bug for module in ZOO for bug in planted_in(module))
