"""One draw of a network looked at element by element: differences of the whole, and which layer adds which error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.checking.element import Element, curve_at
from gradcheck_cli.checking.keeping.network import digest_of_network
from gradcheck_cli.checking.networks.edited import taken_with
from gradcheck_cli.checking.networks.kinds import Kinds
from gradcheck_cli.checking.networks.standing import is_close
from gradcheck_cli.checking.networks.whole import case_of_whole, entries, evaluator_of_whole, upstream_of_whole
from gradcheck_cli.checking.options import EditedDraw
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.networks.drawing import Drawing
from gradcheck_cli.graph.networks.passing import pass_back
from gradcheck_cli.graph.networks.pulling import pull_back
from gradcheck_cli.graph.networks.wires import Wires
from gradcheck_cli.inspector.session import Curve, Grown
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.tracing.forward import reference_leaves
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.differences.differencer import Differencer

Array = NDArray[Any]

MOST = 16
"""Layers that are wrong by themselves whose errors are followed: one backward pass of autodiff each."""


class NetworkLook:
    """One draw of a network, run, traced and passed back.

    Raises:
        UserError: for a draw that cannot be made.
    """

    def __init__(self, layer: Layer, inputs: InputOptions, draw: EditedDraw, traces: Traces, device: str) -> None:
        network = layer.network
        assert network is not None
        self._forwarded, self._device = taken_with(Drawing(network, inputs), draw), device
        kinds = Kinds(traces, may_borrow=False)
        self._traces = [kinds.trace(self._forwarded, position) for position in range(len(network.uses))]
        self._passed = pass_back(self._forwarded, self._traces, inputs.seed + draw.index, device=device)
        self._going_in = entries(self._forwarded)
        self._evaluate = evaluator_of_whole(self._forwarded, self._going_in)
        self._differencer: Differencer | None = None
        self._grown: dict[int, list[Array | None]] = {}

    @property
    def digest(self) -> str:
        """Of the inputs, as `KeptDraw` has it."""
        return digest_of_network(self._forwarded, self._passed, self._going_in)

    def curve(self, element: Element) -> Curve:
        """The differences of the whole network, its forwards one after the other.

        Raises:
            UserError: where they cannot be taken.
        """
        upstream = upstream_of_whole(self._forwarded, self._passed)
        if upstream is None:
            raise UserError("An output of this network is used inside it, too: differences of the whole are not taken")
        case = case_of_whole(self._forwarded, self._going_in)
        self._differencer = self._differencer or Differencer(self._evaluate, case, upstream)
        return curve_at(element, self._evaluate, case, upstream, self._differencer)

    def growth(self, element: Element) -> tuple[Grown, ...]:
        """What each layer that is wrong by itself adds to the error of an element, the first on the way back first.

        What a layer hands back too much goes through the layers before it as autodiff has them: together these are
        yours − autodiff, but for rounding.

        Raises:
            UserError: where there are too many such layers.
        """
        network, places = self._forwarded.network, self._going_in[element.leaf].places
        wrong = [position for position in reversed(range(len(network.uses))) if self._is_wrong(position)]
        if len(wrong) > MOST:
            raise UserError(f"{len(wrong):,} layers are wrong by themselves: what each adds is told of up to {MOST}")
        found = []
        for position in wrong:
            value = sum(self._from(position, use, number, element.position) for use, number in places)
            found.append(Grown(network.uses[position].name, float(np.real(value))))
        return tuple(found)

    def _is_wrong(self, position: int) -> bool:
        back, trace = self._passed.uses[position], self._traces[position]
        if back is None or back.local is None or not isinstance(trace, Trace):
            return False
        return not is_close(self._forwarded.uses[position], back, trace)

    def _from(self, position: int, use: int, number: int, at: int) -> Any:
        """What one layer's own error comes to at an element of another one's leaf."""
        if use > position:
            return 0.0
        if use == position:
            return self._own(position, handed_back=False)[number].reshape(-1)[at]
        self._follow(position)
        arrived = self._grown[position][self._flat(use, number)]
        return 0.0 if arrived is None else arrived.reshape(-1)[at]

    def _own(self, position: int, *, handed_back: bool) -> list[Array]:
        """Yours − autodiff's for the same upstream gradient; where nothing came back, autodiff's went on."""
        back = self._passed.uses[position]
        assert back is not None and back.local is not None
        nothing = [local if handed_back else np.zeros_like(local) for local in back.local]
        return [
            (none if yours is None else yours) - local for yours, local, none in zip(back.yours, back.local, nothing)
        ]

    def _follow(self, position: int) -> None:
        """Pull one layer's own error back through all layers before it."""
        if position in self._grown:
            return
        forwarded, wires = self._forwarded, Wires()
        arrived: list[Array | None] = [None] * self._flat(len(forwarded.uses), 0)
        wires.hand_back(
            forwarded.network.uses[position], forwarded.uses[position].case, self._own(position, handed_back=True)
        )
        for use in reversed(range(position)):
            trace, ran = self._traces[use], forwarded.uses[use]
            if not wires.reach(use) or not isinstance(trace, Trace):
                continue  # where nothing is known of a layer, its own answer is taken to be right
            upstream = wires.upstream(use, ran.result.outputs)
            # two of a kind, as the check pulls them back: the program is compiled already
            pulled = pull_back(trace, reference_leaves(ran.case), [upstream, upstream], device=self._device)[1][0]
            for number, array in enumerate(pulled):
                arrived[self._flat(use, number)] = array
            wires.hand_back(forwarded.network.uses[use], ran.case, pulled)
        self._grown[position] = arrived

    def _flat(self, use: int, number: int) -> int:
        return sum(len(ran.case.leaves) for ran in self._forwarded.uses[:use]) + number
