"""What a saved run keeps of a network: what goes in, and its gradients by yours and by autodiff of the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gradcheck_cli.checking.keeping.arrays import digest_of, plain
from gradcheck_cli.checking.keeping.sources import sources_of
from gradcheck_cli.checking.networks.judging import Checked
from gradcheck_cli.checking.networks.telling import REACHED
from gradcheck_cli.checking.networks.whole import Entry, gradients
from gradcheck_cli.graph.networks.drawing import Forwarded
from gradcheck_cli.graph.networks.passing import Passed
from gradcheck_cli.report.model import ArgumentReport, LayerReport, Status
from gradcheck_cli.saved.model import WRONG, Held, KeptDraw, KeptInput, KeptLayer, KeptLeaf, digest_of_text


def kept_network(
    report: LayerReport, checked: Checked, going_in: Sequence[Entry], read: Callable[[str], str]
) -> KeptLayer:
    """What is kept of a network's worst draw.

    Args:
        report: its report.
        going_in: in the order of the report's arguments.
        read: the text of a file of the user's.
    """
    found = [_leaf(checked, entry, argument) for entry, argument in zip(going_in, report.arguments)]
    draw = KeptDraw(
        index=checked.index,
        seed=checked.seed,
        status=checked.status.value,
        digest=digest_of_network(checked.forwarded, checked.passed, going_in),
        marks=tuple(marks for _, marks in found),
    )
    return KeptLayer(
        name=report.name,
        path=report.path,
        shown=0,
        draws=(draw,),
        leaves=tuple(leaf for leaf, _ in found),
        arguments=tuple(_input(argument.name, entry) for entry, argument in zip(going_in, report.arguments)),
        digest=digest_of_text(read(report.path)),
        sources=sources_of(report, read, report.forward_line),
        forward_line=report.forward_line,
    )


def digest_of_network(forwarded: Forwarded, passed: Passed, going_in: Sequence[Entry]) -> str:
    """Of all that goes into a draw."""
    starts = [passed.whole.get(source, ()) for source in dict.fromkeys(forwarded.network.outputs)]
    goes_in = [(entry.leaf.name, entry.leaf.value) for entry in going_in]
    upstream = [(f"upstream{number}", value) for number, start in enumerate(starts) for value in start]
    return digest_of([*goes_in, *upstream])


def _input(name: str, entry: Entry) -> KeptInput:
    array, dimensions = plain(entry.leaf.value), entry.leaf.dimensions
    if array is None:
        return KeptInput(name)
    return KeptInput(name, dimensions if len(dimensions) == array.ndim else (), array=Held(array))


def _leaf(checked: Checked, entry: Entry, argument: ArgumentReport) -> tuple[KeptLeaf, Held | None]:
    yours, whole = gradients(checked.passed, entry)
    arrays = {"yours": None if yours is None else plain(yours), "autodiff": None if whole is None else plain(whole)}
    marks = None
    if yours is not None and whole is not None:
        tolerance = np.array(REACHED * np.max(np.abs(whole), initial=0.0))
        arrays["tolerance"] = plain(tolerance)
        marks = np.zeros(whole.shape, np.uint8)
        if argument.status is Status.FAIL:
            with np.errstate(all="ignore"):
                marks[~(np.abs(yours - whole) <= tolerance)] = WRONG
    leaf = KeptLeaf(
        name=argument.name,
        gradient_name=argument.gradient_name,
        shape=argument.shape,
        dimensions=argument.dimensions,
        dtype=str(entry.leaf.value.dtype),
        arrays={name: Held(array) for name, array in arrays.items() if array is not None},
    )
    return leaf, None if marks is None else Held(marks)
