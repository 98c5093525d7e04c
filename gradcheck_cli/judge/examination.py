"""What is found out about a layer beside its gradient's values: contracts, further derivatives, stress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck_cli.report.model import Finding


@dataclass(frozen=True)
class Examination:
    """The outcome of some examinations of one case.

    Attributes:
        findings: each says which rule is broken; `combine` keeps the most specific where several have one cause.
        notes: sentences for the report.
        checked: what was examined, in a few words each (`linear in the upstream gradient`).
        broken: those of `checked` that did not hold.
    """

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    @property
    def held(self) -> tuple[str, ...]:
        """What was examined and found right, each once: what one draw broke did not hold."""
        return tuple(what for what in dict.fromkeys(self.checked) if what not in self.broken)

    def __add__(self, other: Examination) -> Examination:
        """Both together."""
        return Examination(
            (*self.findings, *other.findings),
            (*self.notes, *other.notes),
            (*self.checked, *other.checked),
            (*self.broken, *other.broken),
        )


def outcome(*names: str, findings: Sequence[Finding] = (), notes: Sequence[str] = ()) -> Examination:
    """What was examined under these names: all of it held, unless something was found."""
    return Examination(tuple(findings), tuple(notes), names, names if findings else ())


NOTHING = Examination()
"""Nothing was examined."""
