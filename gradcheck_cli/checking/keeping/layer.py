"""From the checked draws of a layer to what a saved run keeps of them: the arrays of one draw, the marks of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.checking.case import CheckedCase
from gradcheck_cli.checking.keeping.arrays import digest_of_draw, inputs_of, plain
from gradcheck_cli.checking.keeping.sources import sources_of
from gradcheck_cli.judge.elements import BLOCK, compare
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.report.model import LayerReport
from gradcheck_cli.saved.model import (
    EXCUSED,
    UNKNOWN,
    WRONG,
    Held,
    KeptDraw,
    KeptLayer,
    KeptLeaf,
    digest_of_text,
)
from gradcheck_cli.witnesses.differences.curve import curves
from gradcheck_cli.witnesses.differences.evaluate import evaluator
from gradcheck_cli.witnesses.gradients import Autodiff, Difference

Array = NDArray[Any]

CURVES = 4
"""Elements of a leaf whose differences are kept for all steps: its worst."""

_SECONDS_OF_CURVES = 0.3
"""For each leaf, and for a forward that is already compiled."""


def kept_layer(
    report: LayerReport, checked: Sequence[CheckedCase], read: Callable[[str], str], forward_line: int | None
) -> KeptLayer | None:
    """What is kept of a layer; None where no draw of it could be judged.

    Args:
        report: its report.
        checked: its draws.
        read: the text of a file of the user's.
        forward_line: of its forward's definition.
    """
    if not checked:
        return None
    shown = _shown(report, [one.verdict for one in checked])
    case, upstream = checked[shown].subject.case, checked[shown].verdict.upstream
    named = upstream_names(case.layer, len(upstream.cotangents))
    dimensions = {leaf.name: leaf.dimensions for leaf in case.leaves}
    return KeptLayer(
        name=report.name,
        path=report.path,
        shown=shown,
        draws=tuple(_draw(one, len(case.leaves)) for one in checked),
        leaves=tuple(_leaf(checked[shown], position, report) for position in range(len(case.leaves))),
        arguments=tuple(inputs_of(case.arguments, dimensions)),
        upstream=tuple(inputs_of(dict(zip(named, upstream.cotangents)), {})),
        digest=digest_of_text(read(report.path)),
        sources=sources_of(report, read, forward_line),
        forward_line=forward_line,
    )


def upstream_names(layer: Layer, count: int) -> Sequence[str]:
    """What so many upstream gradients are called: as the user does, else `dout`, or `dout[0]`."""
    if len(layer.upstream_names) >= count:
        return layer.upstream_names
    return ["dout"] if count == 1 else [f"dout[{at}]" for at in range(count)]


def _shown(report: LayerReport, draws: Sequence[DrawVerdict]) -> int:
    """The position of the draw that the report shows, else of that which most of its numbers are from."""
    wanted = [argument.draw for argument in report.arguments]
    if report.failing_draw is not None:
        wanted = [report.failing_draw.index]
    return max(range(len(draws)), key=lambda at: (wanted.count(draws[at].case.draw), -at))


def _leaf(checked: CheckedCase, position: int, report: LayerReport) -> KeptLeaf:
    verdict, leaf = checked.verdict.leaves[position], checked.subject.case.leaves[position]
    autodiff = _autodiff(checked, position)
    arrays: dict[str, Array | None] = {
        "yours": None if verdict.received.array is None else plain(verdict.received.array),
        "autodiff": autodiff,
        "reference": None if _is_same(verdict.reference, autodiff) else verdict.reference,
        "tolerance": _tolerances(verdict, autodiff),
        "bars": verdict.bars,
        **_differences(checked.verdict.differences.elements, position, leaf.value.shape),
        **_curves(checked, position),
    }
    known = {name: plain(array) for name, array in arrays.items() if array is not None}
    return KeptLeaf(
        name=leaf.name,
        gradient_name=report.arguments[position].gradient_name,
        shape=tuple(leaf.value.shape),
        dimensions=leaf.dimensions if len(leaf.dimensions) == leaf.value.ndim else (),
        dtype=str(leaf.value.dtype),
        gradient_dtype="" if verdict.received.dtype is None else str(verdict.received.dtype),
        arrays={name: Held(array) for name, array in known.items() if array is not None},
    )


def _autodiff(checked: CheckedCase, position: int) -> Array | None:
    known = checked.subject.autodiff
    return known.gradients[position] if isinstance(known, Autodiff) else None


def _is_same(one: Array | None, other: Array | None) -> bool:
    if one is None or other is None or one is other:
        return one is other
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=True)


def _tolerances(verdict: LeafVerdict, autodiff: Array | None) -> Array | None:
    """The tolerance of each element; one without axes where it is the same for all."""
    tolerance, reference = verdict.tolerance, verdict.reference
    if tolerance is None:
        return None
    reference = autodiff if reference is None else reference
    if reference is None:
        return None
    result = np.empty(reference.shape)
    flat, theirs = result.reshape(-1), reference.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        part = slice(start, min(start + BLOCK, flat.size))
        with np.errstate(all="ignore"):
            flat[part] = tolerance.at(np.abs(theirs[part]).astype(np.float64), part)
    if verdict.bars is not None:
        result += verdict.bars
    if flat.size and np.all(flat == flat[0]):
        return np.array(flat[0])
    return result


_OF_A_DIFFERENCE: dict[str, Callable[[Difference], Any]] = {
    "difference_values": lambda found: found.value,
    "difference_bars": lambda found: found.error,
    "difference_forward": lambda found: found.forward,
    "difference_backward": lambda found: found.backward,
    "difference_one_sided_bars": lambda found: found.one_sided_error,
    "difference_lower": lambda found: found.lower,
    "difference_upper": lambda found: found.upper,
}


def _differences(
    elements: Mapping[tuple[int, tuple[int, ...]], Difference], position: int, shape: tuple[int, ...]
) -> dict[str, Array | None]:
    found = {
        int(np.ravel_multi_index(index, shape)) if shape else 0: difference
        for (leaf, index), difference in elements.items()
        if leaf == position
    }
    if not found:
        return {}
    places = sorted(found)
    arrays: dict[str, Array | None] = {"difference_positions": np.array(places, np.int64)}
    for name, of in _OF_A_DIFFERENCE.items():
        values = [of(found[place]) for place in places]
        if any(value is not None for value in values):
            arrays[name] = np.array([np.nan if value is None else value for value in values])
    return arrays


def _curves(checked: CheckedCase, position: int) -> dict[str, Array | None]:
    subject, verdict = checked.subject, checked.verdict.leaves[position]
    worst = [element.index for element in verdict.worst[:CURVES]]
    try:
        evaluate = evaluator(subject.bound, subject.case, device=subject.device) if worst else None
        found = (
            ()
            if evaluate is None
            else curves(evaluate, subject.case, subject.upstream, position, worst, _SECONDS_OF_CURVES)
        )
    except Exception:  # the user's forward, in float64
        return {}
    if not found:
        return {}
    shape = subject.case.leaves[position].value.shape
    places = [int(np.ravel_multi_index(curve.index, shape)) if shape else 0 for curve in found]
    return {
        "curve_positions": np.array(places, np.int64),
        "curve_steps": np.stack([curve.steps for curve in found]),
        "curve_values": np.stack([curve.values for curve in found]),
    }


def _draw(checked: CheckedCase, leaves: int) -> KeptDraw:
    """One draw, with marks of so many leaves: a pytree may have others in another draw."""
    case, verdict, cotangents = checked.subject.case, checked.verdict, checked.verdict.upstream.cotangents
    return KeptDraw(
        index=case.draw,
        seed=case.seed,
        status=verdict.status.value,
        digest=digest_of_draw(case.arguments, cotangents),
        dimensions=tuple((name, int(size)) for name, size in case.dimensions.items()),
        marks=tuple(_marks(checked, position) for position in range(leaves)),
    )


def _marks(checked: CheckedCase, position: int) -> Held | None:
    if position >= len(checked.verdict.leaves):
        return None
    verdict = checked.verdict.leaves[position]
    comparison, yours, tolerance = verdict.comparison, verdict.yours, verdict.tolerance
    if comparison is None or yours is None or tolerance is None:
        return None
    marks = np.zeros(comparison.shape, np.uint8)
    flat = marks.reshape(-1)
    autodiff = _autodiff(checked, position)
    if autodiff is not None and verdict.reference is not autodiff:
        flat[compare(yours, autodiff, tolerance).wrong] = EXCUSED
    for (leaf, index), difference in checked.verdict.differences.elements.items():
        if autodiff is None and leaf == position and difference.forward is not None:
            at = int(np.ravel_multi_index(index, comparison.shape)) if index else 0
            allowed = float(tolerance.at(np.abs(np.array([difference.value])), np.array([at]))[0])
            if abs(yours.reshape(-1)[at] - difference.value) > allowed + difference.error:
                flat[at] = EXCUSED
    flat[comparison.unknown] = UNKNOWN
    flat[comparison.wrong] = WRONG
    return Held(marks)
