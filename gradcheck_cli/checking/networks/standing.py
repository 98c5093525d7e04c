"""One layer where it stands in a network: is what it hands back right, for the upstream gradient that came in?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.checking.case import Cases
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.checking.users_error import finding_of
from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.networks.drawing import Forwarded, Ran, shape_words
from gradcheck_cli.graph.networks.passing import Back
from gradcheck_cli.judge.noise.tolerance import unmeasured_rounding
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.words import gradient_name
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.inputs.extremes import nearby
from gradcheck_cli.layers.networks.network import Network, Use
from gradcheck_cli.report.model import Finding, Status
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.conduct.situations import gradients_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Standing:
    """The verdict on one use of a layer.

    Attributes:
        findings: the judge's, for the layer by itself; `argument` is the layer's.
        why: where it is inconclusive.
    """

    status: Status
    findings: tuple[Finding, ...] = ()
    why: str = ""


class Judge:
    """Judges the uses of a network; most by one comparison, and only those that differ by the whole machinery."""

    def __init__(self, traces: Traces, settings: Settings, device: str) -> None:
        self.traces = traces
        self._settings = settings
        self.device = device

    def at_a_glance(
        self, forwarded: Forwarded, position: int, back: Back | None, trace: Trace | Untraceable
    ) -> Standing | None:
        """The verdict on a use by one comparison; None where that does not tell."""
        ran = forwarded.uses[position]
        if back is None:
            return Standing(Status.INCONCLUSIVE, why=_cut_off(forwarded.network, position))
        known = back.error is None and back.local is not None
        return Standing(Status.PASS) if known and isinstance(trace, Trace) and is_close(ran, back, trace) else None

    def closely(self, forwarded: Forwarded, position: int, back: Back | None) -> Standing:
        """The verdict on the use at `position` by all that there is for a layer."""
        assert back is not None
        network, ran = forwarded.network, forwarded.uses[position]
        use = network.uses[position]
        if back.error is not None:
            return Standing(Status.ERROR, (_raised(network, forwarded, position, back),))
        module = network.node_of(use).module
        cases = Cases(module, ran.bound, self.traces, self._settings, self.device)
        try:
            checked = cases.of(ran.case, back.upstream)
        except UserError as error:
            return Standing(Status.ERROR, (finding_of(error, ran.case.layer.path, ran.case.layer.line),))
        verdict = checked.verdict
        if verdict.status is Status.FAIL:
            from gradcheck_cli.checking.diagnosing import diagnosed

            named = diagnosed(
                module,
                [checked],
                lambda number: cases.of(_elsewhere(ran, number), back.upstream),
                verdict.all_findings,
            )
            return Standing(Status.FAIL, named[0].verdict.all_findings)
        alone = gradients_of(ran.case, checked.subject.analytic.backward)
        if (changed := _changed(ran, back, alone)) is not None:
            return Standing(Status.FAIL, (_stale(network, use, ran, changed),))
        why = next((leaf.why for leaf in verdict.leaves if leaf.why), "")
        return Standing(verdict.status, why=why)


def _elsewhere(ran: Ran, number: int) -> Case:
    """The use at other values, of the same signs and about the same size."""
    return nearby(ran.case, ELSEWHERE, np.random.default_rng((ran.case.seed, ran.case.draw, number)))


ELSEWHERE = 0.4
"""By how much they are off, as a share."""


def _cut_off(network: Network, position: int) -> str:
    """Why no gradient comes back to a use."""
    for use in network.uses:
        for argument, source in use.sources.items():
            known = next(item for item in network.node_of(use).layer.arguments if item.name == argument)
            if source.use == position and not known.differentiated:
                return (
                    f"no gradient comes back to it: `{use.name}` gives none for `{argument}` by its convention, so "
                    "that what flows in there counts as given"
                )
    return "no gradient comes back to it: nothing that the network gives depends on it"


def is_close(ran: Ran, back: Back, trace: Trace) -> bool:
    """Whether every gradient is autodiff's but for rounding, by the size of its largest element."""
    assert back.local is not None
    for leaf, yours, local in zip(ran.case.leaves, back.yours, back.local):
        if yours is None or not np.isfinite(local).all():
            return False
        allowed = unmeasured_rounding([leaf.value.dtype, trace.narrowest]) * np.max(np.abs(local), initial=0.0)
        if not np.all(np.abs(yours - local) <= allowed):
            return False
    return True


def relative_error(yours: Array | None, reference: Array | None) -> float | None:
    """The largest |yours − reference| over the largest |reference|; absolute where that is zero; None if unknown."""
    if yours is None or reference is None or yours.shape != reference.shape:
        return None
    with np.errstate(all="ignore"):
        size = float(np.max(np.abs(reference), initial=0.0))
        error = float(np.max(np.abs(yours - reference), initial=0.0))
    return error / size if size else error


def _changed(ran: Ran, back: Back, alone: Sequence[Array | None]) -> int | None:
    """The leaf whose gradient was another one in the network than by itself; None where none was."""
    for position, (leaf, here, there) in enumerate(zip(ran.case.leaves, back.yours, alone)):
        allowed = np.sqrt(unmeasured_rounding([leaf.value.dtype]))
        error = relative_error(here, None if there is None else np.asarray(there))
        if error is None or not error <= allowed:
            return position
    return None


def _stale(network: Network, use: Use, ran: Ran, leaf: int) -> Finding:
    layer = network.node_of(use).layer
    name = gradient_name(layer, ran.case.leaves[leaf])
    shared = [other.name for other in network.uses if other.node == use.node and other is not use]
    if shared:
        why = (
            f"one object is used {len(shared) + 1} times, and its other use (`{shared[0]}`) overwrites what it keeps "
            "for the backward"
        )
        mend = f"give each use an object of its own, or let `{layer.name}` keep what it stores on a stack"
    else:
        why = "another layer's forward or backward changes what it keeps"
        mend = "keep what the backward needs where nothing else writes: in the cache, or in the object"
    message = f"`{name}` of `{use.name}` is right by itself and belongs to another forward call here: {why}"
    return Finding("GC214", message, str(layer.path), layer.line, ran.case.leaves[leaf].name, mend=mend)


def _raised(network: Network, forwarded: Forwarded, position: int, back: Back) -> Finding:
    """A backward that raises, with the layer that handed it its upstream gradient."""
    use, ran = network.uses[position], forwarded.uses[position]
    assert back.error is not None
    found = finding_of(back.error, ran.case.layer.path, ran.case.layer.line)
    givers = [
        network.uses[user].name
        for user, other in enumerate(network.uses)
        if any(source.use == position for source in other.sources.values())
    ]
    shapes = ", ".join(shape_words(each) for each in back.upstream.flat)
    came = f" from {' and '.join(f'`{name}`' for name in givers)}" if givers else ""
    return replace(found, message=f"the backward of `{use.name}` takes {shapes}{came} and fails: {found.message}")
