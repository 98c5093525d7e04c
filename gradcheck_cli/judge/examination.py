"""What is found out about a layer beside its gradient's values: contracts, further derivatives, stress."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.report.model import Finding


@dataclass(frozen=True)
class Examination:
    """The outcome of some examinations of one case.

    Attributes:
        findings: each says which rule is broken; `combine` keeps the most specific where several have one cause.
        notes: sentences for the report.
        checked: what was examined and held or not, in a few words each (`linear in the upstream gradient`).
    """

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()

    def __add__(self, other: Examination) -> Examination:
        """Both together."""
        return Examination(
            (*self.findings, *other.findings), (*self.notes, *other.notes), (*self.checked, *other.checked)
        )


NOTHING = Examination()
"""Nothing was examined."""
