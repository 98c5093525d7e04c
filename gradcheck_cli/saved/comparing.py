"""Two saved runs, layer by layer, argument by argument, and element by element where both had the same inputs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath

import numpy as np

from gradcheck_cli.report.difference.model import (
    ArgumentDifference,
    Change,
    Difference,
    ElementChanges,
    LayerDifference,
    RunSummary,
)
from gradcheck_cli.report.model import ArgumentReport, Finding, LayerReport, Status
from gradcheck_cli.saved.model import WRONG, KeptLayer, Stored
from gradcheck_cli.saved.reading import SavedRun

CLEARLY = 2.0
"""Where as many elements are wrong as before, the worst relative error must change by this factor to be another."""

_SEVERITY = {Status.PASS: 0, Status.INCONCLUSIVE: 1, Status.FAIL: 2, Status.ERROR: 3}

Key = tuple[str, str]


def difference(before: SavedRun, after: SavedRun) -> Difference:
    """What changed from one run to the other.

    Layers are known by their path, seen from the folder of their run, and their name; what is left over by its name
    alone, where no other has it.

    Raises:
        UserError: where an array that is needed is damaged.
    """
    one, other = _by_key(before), _by_key(after)
    pairs = {key: key for key in other if key in one}
    pairs |= _by_name([key for key in one if key not in pairs], [key for key in other if key not in pairs])
    found = [_layer(key, one.get(pairs.get(key, ("", ""))), layer, before, after) for key, layer in other.items()]
    matched = set(pairs.values())
    found += [_layer(key, layer, None, before, after) for key, layer in one.items() if key not in matched]
    return Difference(_summary(before), _summary(after), tuple(found), tuple(_notes(before, after)))


def _by_key(run: SavedRun) -> dict[Key, LayerReport]:
    """The layers by path and name; a module that does not load is one, too."""
    modules = [_module(error, Status.ERROR) for error in run.report.errors]
    modules += [_module(one.finding, Status.INCONCLUSIVE) for one in run.report.suppressed]
    return {(_path(layer.path, run), layer.name): layer for layer in (*modules, *run.report.layers)}


def _path(path: str, run: SavedRun) -> str:
    inside = PurePath(path)
    return str(inside.relative_to(run.folder)) if inside.is_relative_to(run.folder) else path


def _module(error: Finding, status: Status) -> LayerReport:
    findings = (error,) if status is Status.ERROR else ()
    return LayerReport(Path(error.path).stem, error.path, error.line or 1, "module", status, findings=findings)


def _by_name(before: Sequence[Key], after: Sequence[Key]) -> dict[Key, Key]:
    """Those that have a name which one layer before and one after has: a file was renamed, or copied."""
    once = [
        {name for name, count in Counter(name for _, name in keys).items() if count == 1} for keys in (before, after)
    ]
    named = {name: (path, name) for path, name in before}
    return {(path, name): named[name] for path, name in after if name in once[0] & once[1]}


def _layer(
    key: Key, before: LayerReport | None, after: LayerReport | None, one: SavedRun, other: SavedRun
) -> LayerDifference:
    path, name = key
    if before is None or after is None:
        return LayerDifference(name, path, Change.APPEARED if before is None else Change.VANISHED, before, after)
    arguments = tuple(_arguments(before, after, one.kept(before), other.kept(after)))
    had, has = ({finding.code for finding in layer.findings} for layer in (before, after))
    change = _by_status(before.status, after.status)
    if change is Change.SAME:
        change = _together(before.status, (argument.change for argument in arguments), has - had, had - has)
    return LayerDifference(
        name, path, change, before, after, arguments, tuple(sorted(had - has)), tuple(sorted(has - had))
    )


def _together(status: Status, changes: Iterable[Change], new: set[str], gone: set[str]) -> Change:
    """Of a layer whose status stayed: what got worse counts first; another code is another word for it."""
    found = set(changes)
    if Change.WORSE in found:
        return Change.WORSE
    if Change.BETTER in found:
        return Change.BETTER
    if status is Status.PASS or bool(new) == bool(gone):
        return Change.SAME
    return Change.WORSE if new else Change.BETTER


def _by_status(before: Status, after: Status) -> Change:
    less = _SEVERITY[after] - _SEVERITY[before]
    return Change.SAME if less == 0 else Change.WORSE if less > 0 else Change.BETTER


def _arguments(
    before: LayerReport, after: LayerReport, one: KeptLayer | None, other: KeptLayer | None
) -> Iterable[ArgumentDifference]:
    had = {argument.name: argument for argument in before.arguments}
    has = {argument.name: argument for argument in after.arguments}
    for name in dict.fromkeys((*has, *had)):
        if name not in had or name not in has:
            change = Change.VANISHED if name in had else Change.APPEARED
            yield ArgumentDifference(name, change, had.get(name), has.get(name))
            continue
        elements, why = _elements(name, one, other)
        yield ArgumentDifference(name, _argument(had[name], has[name]), had[name], has[name], elements, why)


def _argument(before: ArgumentReport, after: ArgumentReport) -> Change:
    """By status; of two that fail by the share of wrong elements, then clearly by the worst relative error."""
    change = _by_status(before.status, after.status)
    if change is not Change.SAME or before.status is not Status.FAIL:
        return change
    had, has = (argument.wrong / argument.total if argument.total else 0.0 for argument in (before, after))
    if had != has:
        return Change.WORSE if has > had else Change.BETTER
    smaller, larger = _error(before), _error(after)
    if larger > CLEARLY * smaller:
        return Change.WORSE
    return Change.BETTER if smaller > CLEARLY * larger else Change.SAME


def _error(argument: ArgumentReport) -> float:
    error = argument.max_rel_error if argument.max_rel_error is not None else argument.max_abs_error
    return math.inf if error is None or math.isnan(error) else error


def _elements(name: str, one: KeptLayer | None, other: KeptLayer | None) -> tuple[ElementChanges | None, str]:
    """Element by element in a draw of the same inputs: the failing one of the run before, of the run after, or any."""
    if one is None or other is None:
        return None, "its arrays were not kept"
    had, has = _marks(name, one), _marks(name, other)
    same = [
        (draw, had[draw.index], has[draw.index])
        for draw in (one.draw, other.draw, *one.draws)
        if draw.index in had and draw.index in has and _digest(one, draw.index) == _digest(other, draw.index)
    ]
    if not same:
        return None, "its inputs were others"
    judged = [(draw, mine, theirs) for draw, mine, theirs in same if mine is not None and theirs is not None]
    if not judged:
        return None, "its elements were not judged"
    draw, mine, theirs = max(judged, key=lambda found: found[0].status != Status.PASS.value)
    if mine.shape != theirs.shape:
        return None, "its shapes were others"
    was, now = mine.read() == WRONG, theirs.read() == WRONG
    return ElementChanges(
        draw=draw.index,
        total=was.size,
        mended=int(np.count_nonzero(was & ~now)),
        broken=int(np.count_nonzero(now & ~was)),
        still_wrong=int(np.count_nonzero(now & was)),
    ), ""


def _marks(name: str, layer: KeptLayer) -> Mapping[int, Stored | None]:
    """The marks of a gradient, by the index of the draw."""
    position = next((at for at, leaf in enumerate(layer.leaves) if leaf.name == name), None)
    return {} if position is None else {draw.index: draw.marks[position] for draw in layer.draws}


def _digest(layer: KeptLayer, index: int) -> str:
    return next(draw.digest for draw in layer.draws if draw.index == index)


def _summary(run: SavedRun) -> RunSummary:
    report = run.report
    return RunSummary(str(run.path), report.version, report.seed, report.device, run.problem)


def _notes(before: SavedRun, after: SavedRun) -> Iterable[str]:
    one, other = before.report, after.report
    if one.seed != other.seed:
        yield f"The seeds are {one.seed} and {other.seed}: the inputs differ, and elements cannot be compared."
    if one.version != other.version:
        yield f"They were made by gradcheck {one.version} and {other.version}."
    if one.device != other.device:
        yield f"They were made on {one.device} and {other.device}."
    for run in (before, after):
        if run.problem:
            yield f"`{run.path.name}` is of a run that did not get to its end: {run.problem}"
