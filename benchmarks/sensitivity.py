"""The sensitivity that a report states, put to the test: an error just above it is planted, and must be found.

    pip install -e '.[test]'
    python benchmarks/sensitivity.py --trials 1000 --processes 2

Each trial takes a right layer of `fixtures/correct` under a seed and a dtype, reads the sensitivity that its report
states, picks one element of one gradient at random among those that are distinguishable from zero (larger than their
own tolerance), has the backward give it with a relative error of 1.01 times the stated one, and checks again: that
element must be among the wrong ones. Layers at a kink are left out: any value between the slopes is right there. Exit
code 1 where one is missed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.false_alarms import jobs  # noqa: E402

ABOVE = 1.01
DTYPES = ("float64", "float64", "float32", "float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Trial:
    """One planted error: where, how large, what was stated, and whether it was found."""

    path: str
    name: str
    dtype: str
    seed: int
    element: str
    stated: float
    outcome: str


@dataclass(frozen=True)
class Work:
    """Trials of one module: the name of a layer, a seed and a dtype."""

    path: Path
    trials: tuple[tuple[str, int, str], ...]


class Spoiling:
    """A bound layer whose backward gives one element of one gradient with a relative error."""

    def __init__(self, bound: Any, argument: str, path: tuple[Any, ...], position: int, error: float) -> None:
        self._bound = bound
        self._place = argument, path, position
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bound, name)

    def backward(self, result: Any, cotangents: Any, wanted: Any) -> Any:
        """The layer's own gradients, but for one element."""
        from gradcheck_cli.layers.leaves import rebuild

        found = self._bound.backward(result, cotangents, wanted)
        argument, path, position = self._place

        def spoil(at: tuple[Any, ...], leaf: Any) -> Any:
            if at != path or leaf is None:
                return leaf
            spoilt = np.array(leaf, dtype=np.result_type(np.asarray(leaf).astype(np.float64)), order="C")
            spoilt.reshape(-1)[position] *= 1 + self._error
            return spoilt

        gradients: Mapping[str, Any] = {
            name: rebuild(value, spoil) if name == argument else value for name, value in found.gradients.items()
        }
        return replace(found, gradients=gradients)


def run(work: Work) -> list[Trial]:
    """All trials of one module."""
    from gradcheck_cli.checking import Target, find_layers
    from gradcheck_cli.checking.layer import Checker

    layers = {layer.name: (module, layer) for module, layer in find_layers([Target(work.path)]).layers}
    checker = Checker()
    return [_trial(work.path, *layers[name], checker, seed, dtype) for name, seed, dtype in work.trials]


def _trial(path: Path, module: Any, layer: Any, checker: Any, seed: int, dtype: str) -> Trial:
    from gradcheck_cli.checking.case import Cases
    from gradcheck_cli.errors import UserError
    from gradcheck_cli.judge.settings import Settings
    from gradcheck_cli.layers.inputs.randomness import repeatable
    from gradcheck_cli.layers.inputs.sampling import draw
    from gradcheck_cli.layers.inputs.specification import specify
    from gradcheck_cli.layers.options import InputOptions
    from gradcheck_cli.layers.users_code import quiet
    from gradcheck_cli.report.model import Status

    said = Trial(str(path.relative_to(ROOT)), layer.name, dtype, seed, "", 0.0, "not judged")
    rng = np.random.default_rng(seed)
    inputs = InputOptions(seed=seed, dtype=dtype, draws=1)
    settings = Settings(shrink=False, diagnose=False)
    with quiet():
        bound = repeatable(layer.bind(module.namespace), module.namespace, seed)
        try:
            case = draw(layer, specify(layer, module, bound, inputs), bound, inputs, 0)
            first = Cases(module, bound, checker.traces, settings, "cpu").of(case)
        except UserError:
            return said
        verdict = first.verdict
        known = [leaf.sensitivity.every for leaf in verdict.leaves if leaf.sensitivity is not None]
        if verdict.status is not Status.PASS or not known:
            return said
        stated = max(known)
        places = [(leaf, position) for leaf in verdict.leaves for position in _distinguishable(leaf)]
        if not places:
            return said
        leaf, position = places[int(rng.integers(len(places)))]
        error = ABOVE * stated * (1 if rng.random() < 0.5 else -1)
        place = leaf.received.leaf
        spoilt = Spoiling(bound, place.argument, place.path, position, error)
        again = Cases(module, spoilt, checker.traces, settings, "cpu").of(case, first.subject.upstream).verdict
    found = next(other for other in again.leaves if other.received.leaf.name == place.name)
    is_found = found.comparison is not None and position in found.comparison.wrong
    outcome = "found" if is_found and again.status is Status.FAIL else f"missed ({again.status})"
    return replace(said, element=f"{place.name}[{position}]", stated=stated, outcome=outcome)


def _distinguishable(leaf: Any) -> Sequence[int]:
    """Positions of the elements whose reference is above its tolerance; at a kink or a jump there is no right value."""
    if leaf.reference is None or leaf.tolerance is None or "kink" in leaf.why or "jump" in leaf.why:
        return ()
    magnitude = np.abs(leaf.reference.reshape(-1)).astype(np.float64)
    allowed = leaf.tolerance.at(magnitude, slice(None))
    if leaf.bars is not None:
        allowed = allowed + leaf.bars.reshape(-1)
    positions: list[int] = np.flatnonzero(magnitude > allowed).tolist()
    return positions


def main() -> int:
    """Run all trials and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="fixtures/correct", help="modules whose path contains this")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    started = time.perf_counter()
    rng = np.random.default_rng(options.seed)
    work = [
        Work(job.path, tuple((name, setting.seed, str(rng.choice(DTYPES))) for name, setting in job.checks))
        for job in jobs(options.trials, options.seed, options.only)
    ]
    found: list[Trial] = []
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for trials in pool.imap_unordered(run, work):
            found += trials
            for trial in trials:
                if trial.outcome.startswith("missed"):
                    print(
                        f"{trial.outcome}: {trial.path}::{trial.name} {trial.dtype} seed {trial.seed} "
                        f"{trial.element} stated {trial.stated:.2g}",
                        flush=True,
                    )
    for dtype in dict.fromkeys(DTYPES):
        some = [trial for trial in found if trial.dtype == dtype]
        count = Counter(trial.outcome.split(" (")[0] for trial in some)
        stated = [trial.stated for trial in some if trial.stated]
        typical = f", stated in the middle {np.median(stated):.1g}" if stated else ""
        print(f"{dtype}: {count['found']} found, {count['missed']} missed, {count['not judged']} not judged{typical}")
    missed = sum(trial.outcome.startswith("missed") for trial in found)
    judged = sum(trial.outcome != "not judged" for trial in found)
    print(f"{judged:,} errors planted, {missed} missed, {time.perf_counter() - started:.0f} s")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
