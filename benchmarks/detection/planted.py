"""The bugs planted by hand in the zoo: what is replaced in which backward, and why it is wrong.

They stand beside the modules, `zoo/attention.toml` for `zoo/attention.py`, one table `[[bug]]` each:

    [[bug]]
    name = "mha-value-path"             # unique in the zoo
    layer = "multi_head_attention"      # as `gradcheck list` prints it
    old = "dx += ..."                   # occurs once in the module, in the backward of that layer
    new = ""
    what = "the path through the values is left out of dx"
    code = "GC209"                      # the rule that describes the cause, not the one that is reported today
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

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


def planted_in(module: Path) -> tuple[Planted, ...]:
    """The bugs of one module of the zoo, in the order of its table; none where it has no table."""
    table = module.with_suffix(".toml")
    if not table.exists():
        return ()
    return tuple(Planted(module=module, **bug) for bug in tomllib.loads(table.read_text(encoding="utf-8"))["bug"])


PLANTED: tuple[Planted, ...] = tuple(bug for module in ZOO for bug in planted_in(module))
