"""A network's forward at other values of its parameters, and on other data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.graph.networks.drawing import Forwarded, Ran, once_more
from gradcheck_cli.graph.training.parameters import Parameter, Values
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.inputs.building import as_given, as_numpy
from gradcheck_cli.layers.inputs.extremes import with_values
from gradcheck_cli.layers.leaves import at, is_floating, rebuild, walk
from gradcheck_cli.layers.networks.network import Network, Source, Use
from gradcheck_cli.witnesses.analytic import copies, run_forward
from gradcheck_cli.witnesses.upstream import widened


class Runner:
    """Runs one network again and again.

    Args:
        drawn: one draw of it, which says what every argument is that is neither trained nor data.
    """

    def __init__(self, drawn: Forwarded, parameters: Sequence[Parameter]) -> None:
        self._drawn = drawn
        self._places = {place: parameter.name for parameter in parameters for place in parameter.places}

    @property
    def network(self) -> Network:
        """The network, its outputs the losses alone."""
        return self._drawn.network

    def run(self, values: Values, inputs: Mapping[str, Any]) -> Forwarded:
        """All forwards, in order.

        Raises:
            UserError: where one does not run.
        """
        network = self._drawn.network
        done: list[Ran] = []
        first: dict[int, Ran] = {}
        for position, use in enumerate(network.uses):
            before = self._drawn.uses[position]
            case = self._case(position, use, before.case, values, inputs, done)
            earlier = first.get(use.node)
            if earlier is None:
                result = run_forward(before.bound, case)
            else:
                result = once_more(before.bound, earlier.result, copies(case.arguments))
            done.append(Ran(before.bound, case, result))
            first.setdefault(use.node, done[-1])
        return Forwarded(network, tuple(done), inputs)

    def _case(
        self, position: int, use: Use, case: Case, values: Values, inputs: Mapping[str, Any], done: Sequence[Ran]
    ) -> Case:
        own = {
            (leaf.argument, leaf.path): values[self._places[position, number]]
            for number, leaf in enumerate(case.leaves)
            if (position, number) in self._places
        }
        flows = {
            name: inputs[source.input] if source.use < 0 else done[source.use].result.outputs[source.output]
            for name, source in use.sources.items()
        }
        flows = as_given(case.layer, {name: _whole(as_numpy(value)) for name, value in flows.items()})
        case = with_values(case, own)
        arguments = {name: flows.get(name, value) for name, value in case.arguments.items()}
        leaves = tuple(
            replace(leaf, value=np.asarray(at(arguments[leaf.argument], leaf.path))) if leaf.argument in flows else leaf
            for leaf in case.leaves
        )
        return replace(case, arguments=arguments, leaves=leaves)


def _whole(value: Any) -> Any:
    """Numbers that flow are arrays: a plain one would be a setting."""
    return rebuild(value, lambda _, leaf: np.asarray(leaf) if isinstance(leaf, np.generic | float) else leaf)


def losses(network: Network, drawn: Forwarded) -> tuple[Source, ...]:
    """The network's outputs that are one number."""
    found = []
    for source in dict.fromkeys(network.outputs):
        value = drawn.value(source)
        if source.use >= 0 and np.ndim(value) == 0 and is_floating(value):
            found.append(source)
    return tuple(found)


def loss_of(forwarded: Forwarded) -> float:
    """The sum of the network's outputs, each one number."""
    return float(sum(float(np.real(widened(forwarded.value(source)))) for source in forwarded.network.outputs))


def not_finite(forwarded: Forwarded) -> int | None:
    """The first use whose output is not finite; None where all are."""
    for position, ran in enumerate(forwarded.uses):
        leaves = [leaf for output in ran.result.outputs for _, leaf in walk(output) if is_floating(leaf)]
        if not all(np.isfinite(widened(leaf)).all() for leaf in leaves):
            return position
    return None
