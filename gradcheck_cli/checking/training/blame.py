"""Which layer is to blame for a gradient that is not autodiff's: the first one that is wrong on the way back."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.checking.networks.judging import judged
from gradcheck_cli.checking.networks.standing import Judge
from gradcheck_cli.checking.networks.telling import findings_of
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.graph.networks.drawing import Forwarded
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.report.model import Finding


@dataclass(frozen=True)
class Blamed:
    """A wrong layer.

    Attributes:
        step: at whose values it was found.
        use: position of the use.
    """

    step: int
    use: int
    findings: tuple[Finding, ...]


class Blame:
    """Judges the layers of a network at the values of one step; keeps the first answer that blames one."""

    def __init__(self, traces: Traces, seed: int, device: str) -> None:
        self._seed = seed
        self._judge = Judge(traces, Settings(), device)
        self.found: Blamed | None = None
        self.doubts: list[int] = []
        """Steps at which a gradient was not autodiff's, and every layer right."""

    def is_wrong(self, step: int, forwarded: Forwarded) -> bool:
        """Whether a layer's backward is wrong at these values."""
        checked = judged(forwarded, self._judge, self._seed)
        first = checked.first_wrong
        if first is None:
            self.doubts.append(step)
            return False
        if self.found is None:
            self.found = Blamed(step, first, findings_of(checked))
        return True
