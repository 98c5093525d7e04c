"""Which layer is to blame for a gradient that is not autodiff's: the first one that is wrong on the way back."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.checking.networks.standing import Judge
from gradcheck_cli.checking.networks.telling import Checked, findings_of
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.graph.networks.drawing import Forwarded
from gradcheck_cli.graph.networks.passing import pass_back
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
        self._traces, self._seed, self._device = traces, seed, device
        self._judge = Judge(traces, Settings(), device)
        self.found: Blamed | None = None
        self.doubts: list[int] = []
        """Steps at which a gradient was not autodiff's, and every layer right."""

    def is_wrong(self, step: int, forwarded: Forwarded) -> bool:
        """Whether a layer's backward is wrong at these values."""
        network = forwarded.network
        traced = tuple(
            self._traces.trace(network.node_of(use).module, ran.case, ran.result)
            for use, ran in zip(network.uses, forwarded.uses)
        )
        passed = pass_back(forwarded, traced, self._seed, device=self._device)
        standings = tuple(
            self._judge.standing(forwarded, position, back, trace)
            for position, (back, trace) in enumerate(zip(passed.uses, traced))
        )
        checked = Checked(forwarded, passed, standings, traced, 0, self._seed)
        first = checked.first_wrong
        if first is None:
            self.doubts.append(step)
            return False
        if self.found is None:
            self.found = Blamed(step, first, findings_of(checked))
        return True
