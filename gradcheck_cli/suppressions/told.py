"""What a run was told not to count, beside what comments say."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.report.codes import RULES
from gradcheck_cli.suppressions.baseline import Baseline
from gradcheck_cli.suppressions.codes import ERRORS
from gradcheck_cli.suppressions.per_file import PerFile


@dataclass(frozen=True)
class Suppressions:
    """What does not count.

    Attributes:
        select: the only codes that count, beside those of what could not be checked; None for all.
        ignore: codes that do not count.
        per_file: codes that do not count in some files.
        baseline: findings that were there before.
    """

    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    per_file: tuple[PerFile, ...] = ()
    baseline: Baseline | None = None

    @property
    def silenced(self) -> frozenset[str]:
        """The codes that an option of this run keeps from counting, wherever they are found."""
        return frozenset(code for code in RULES if self.option(code))

    def option(self, code: str) -> str:
        """The option that keeps a code from counting; "" for none."""
        if code in self.ignore:
            return "--ignore"
        is_selected = self.select is None or code in self.select or code in ERRORS
        return "" if is_selected else "--select"
