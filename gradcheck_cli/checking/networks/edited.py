"""A network's draw with some values set by hand: of its inputs, and of its layers' parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.checking.edited import set_values
from gradcheck_cli.checking.networks.whole import entries
from gradcheck_cli.checking.options import EditedDraw
from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.networks.drawing import Drawing, Forwarded, Ran, once_more
from gradcheck_cli.inspector.session import Edit
from gradcheck_cli.layers.inputs.extremes import with_values
from gradcheck_cli.layers.leaves import at, fresh
from gradcheck_cli.witnesses.analytic import copies, run_forward


def taken_with(drawing: Drawing, draw: EditedDraw) -> Forwarded:
    """This draw of a network, with its values.

    Raises:
        UserError: without a code, for a value that cannot be set; GC502, for a forward that raises.
    """
    for earlier in range(draw.index):  # what is known of a layer's weights is known from the first draw on
        drawing.take(earlier)
    forwarded = drawing.take(draw.index)
    return _with(forwarded, draw.edits) if draw.edits else forwarded


def _with(forwarded: Forwarded, edits: Sequence[Edit]) -> Forwarded:
    known = {entry.leaf.name: entry for entry in entries(forwarded)}
    by_name: dict[str, list[Edit]] = {}
    for edit in edits:
        if edit.name not in known:
            raise UserError(f"there is no input `{edit.name}` whose values could be set")
        by_name.setdefault(edit.name, []).append(edit)
    changed = {
        place: set_values(known[name].leaf.value, own) for name, own in by_name.items() for place in known[name].places
    }
    network, done = forwarded.network, list[Ran]()
    first: dict[int, Ran] = {}
    for position, (use, ran) in enumerate(zip(network.uses, forwarded.uses)):
        values: dict[Any, Any] = {}
        for number, leaf in enumerate(ran.case.leaves):
            source = use.sources.get(leaf.argument)
            if source is not None and source.use >= 0:
                flows = fresh(done[source.use].result.outputs[source.output])
                values[leaf.argument, leaf.path] = np.asarray(at(flows, leaf.path))
            elif (position, number) in changed:
                values[leaf.argument, leaf.path] = changed[position, number]
        case = with_values(ran.case, values)
        before = first.get(use.node)
        result = (
            run_forward(ran.bound, case)
            if before is None
            else once_more(ran.bound, before.result, copies(case.arguments))
        )
        done.append(Ran(ran.bound, case, result))
        first.setdefault(use.node, done[-1])
    return replace(forwarded, uses=tuple(done))
