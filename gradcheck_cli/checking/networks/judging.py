"""One draw of a network, judged: every forward traced, the way back taken, each use judged where it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gradcheck_cli.checking.networks.kinds import Kinds
from gradcheck_cli.checking.networks.standing import Judge, Standing
from gradcheck_cli.graph.networks.drawing import Forwarded
from gradcheck_cli.graph.networks.passing import Passed, pass_back
from gradcheck_cli.judge.verdict import worst_status
from gradcheck_cli.report.model import Status
from gradcheck_cli.tracing.trace import Trace, Untraceable


@dataclass(frozen=True)
class Checked:
    """One draw of a network, judged."""

    forwarded: Forwarded
    passed: Passed
    standings: tuple[Standing, ...]
    traces: tuple[Trace | Untraceable, ...]
    index: int
    seed: int

    @property
    def status(self) -> Status:
        """The worst of all layers'."""
        return worst_status([standing.status for standing in self.standings])

    @property
    def first_wrong(self) -> int | None:
        """The first use on the way back whose backward is wrong."""
        wrong = [at for at, one in enumerate(self.standings) if one.status in (Status.FAIL, Status.ERROR)]
        return max(wrong, default=None)


def judged(
    forwarded: Forwarded,
    judge: Judge,
    seed: int,
    index: int = 0,
    step: Callable[[str], None] = lambda _: None,
    again: Callable[[], Forwarded] | None = None,
) -> Checked:
    """Judge all uses of a network; most by a glance, then those that differ, the first on the way back first.

    Args:
        again: the same draw, its forwards run once more, so that uses of one kind may share a trace: where they turn
            out to differ, that draw is judged instead.
        seed: of the upstream gradients of the network's outputs, with `index`, the number of the draw.
        step: is told which layer is looked at closely.
    """
    network = forwarded.network
    kinds = Kinds(judge.traces, may_borrow=again is not None)
    traced = tuple(kinds.trace(forwarded, position) for position in range(len(network.uses)))
    passed = pass_back(forwarded, traced, seed + index, device=judge.device)
    if again is not None and kinds.misfits(passed):
        return judged(again(), judge, seed, index, step)
    standings: dict[int, Standing] = {}
    for position, (back, trace) in enumerate(zip(passed.uses, traced)):
        if (known := judge.at_a_glance(forwarded, position, back, trace)) is not None:
            standings[position] = known
    every = range(len(network.uses))
    for position in reversed(every):
        if position not in standings:
            step(f"looking closely at `{network.uses[position].name}`")
            standings[position] = judge.closely(forwarded, position, passed.uses[position])
    return Checked(forwarded, passed, tuple(standings[position] for position in every), traced, index, seed)
