"""Every fixture under many seeds: false alarms, planted bugs missed, witnesses, and seconds per layer.

    pip install -e '.[test]'
    python benchmarks/fixtures.py --seeds 20

Each layer under `fixtures/correct` must pass, and each planted bug under `fixtures/broken` must get the code that its
mark names, under every seed. Exit code 1 on any false alarm (a right layer that fails, or could not be checked) or
miss, and where fewer than 95 % of the right layers have all three witnesses; a right layer that stays inconclusive is
counted apart.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.fixtures.expectations import BROKEN, CORRECT  # noqa: E402

WITNESSES = ("yours", "autodiff", "finite differences")
SEEN = 0.95


@dataclass(frozen=True)
class Checked:
    """One layer under one seed."""

    name: str
    status: str
    seconds: float
    equations: int
    witnesses: tuple[str, ...]
    said: str


@dataclass(frozen=True)
class Outcome:
    """One module under one seed: its layers, how many bugs are planted in it, and those that were not found."""

    path: Path
    seed: int
    layers: tuple[Checked, ...]
    planted: int
    missed: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def correct(self) -> bool:
        """Whether nothing in this module may be found."""
        return CORRECT in self.path.parents


def outcome(job: tuple[Path, int]) -> Outcome:
    """Check one module under one seed."""
    from gradcheck_cli.checking import CheckOptions, Target, check_targets
    from gradcheck_cli.layers.options import InputOptions
    from tests.fixtures.expectations import is_found, planted_in

    path, seed = job
    report = check_targets([Target(path)], CheckOptions(InputOptions(seed=seed)))
    layers = tuple(
        Checked(
            layer.name,
            str(layer.status),
            layer.seconds,
            layer.equations,
            layer.witnesses,
            "; ".join(f"{finding.code} {finding.message}" for finding in layer.findings)
            or "; ".join(f"{argument.name}: {argument.why}" for argument in layer.arguments if argument.why),
        )
        for layer in report.layers
    )
    bugs = planted_in(path) if BROKEN in path.parents else []
    missed = tuple(f"{bug.name}: {bug.what} -> {bug.code}" for bug in bugs if not is_found(bug, report))
    problems = tuple(f"{error.code} {error.message}" for error in report.errors)
    return Outcome(path, seed, layers, len(bugs), missed, problems)


def modules(only: str) -> list[Path]:
    """The fixtures' modules, right ones first, whose path contains `only`."""
    folders = [sorted(folder.rglob("*.py")) for folder in (CORRECT, BROKEN)]
    return [
        path
        for folder in folders
        for path in folder
        if path.name != "__init__.py" and only in str(path.relative_to(ROOT))
    ]


def table(found: Sequence[Outcome]) -> str:
    """One line a seed and one for all, then how long layers took."""
    columns = (
        "seed", "layers", "pass", "false alarms", "inconclusive", "planted", "found", "missed", "3 witnesses"
    )  # fmt: skip
    lines = ["  ".join(f"{column:>{max(6, len(column))}}" for column in columns)]
    seeds: list[int | None] = [*sorted({item.seed for item in found}), None]
    for seed in seeds:
        some = [item for item in found if seed is None or item.seed == seed]
        right = [layer for item in some if item.correct for layer in item.layers]
        planted = sum(item.planted for item in some)
        missed = sum(len(item.missed) for item in some)
        cells = (
            "all" if seed is None else seed,
            len(right),
            sum(layer.status == "pass" for layer in right),
            alarms(some),
            sum(layer.status == "inconclusive" for layer in right),
            planted,
            planted - missed,
            missed,
            f"{sum(set(WITNESSES) <= set(layer.witnesses) for layer in right)}/{len(right)}",
        )
        lines.append("  ".join(f"{cell!s:>{max(6, len(column))}}" for cell, column in zip(cells, columns)))
    return "\n".join(lines)


def alarms(found: Sequence[Outcome]) -> int:
    """How often something right was called wrong, or could not be checked."""
    layers = [layer for item in found if item.correct for layer in item.layers]
    return sum(layer.status in ("fail", "error") for layer in layers) + sum(
        len(item.problems) for item in found if item.correct
    )


def seen(found: Sequence[Outcome]) -> float:
    """The share of the right layers that have all three witnesses; autodiff is none where its values do not match."""
    right = [layer for item in found if item.correct for layer in item.layers]
    return sum(set(WITNESSES) <= set(layer.witnesses) for layer in right) / max(len(right), 1)


def times(found: Sequence[Outcome]) -> str:
    """Seconds per layer, over all layers of both folders, and the slowest ones by their median."""
    every = [layer.seconds for item in found for layer in item.layers]
    if not every:
        return "no layer"
    by_layer: dict[str, list[float]] = {}
    for item in found:
        for layer in item.layers:
            by_layer.setdefault(f"{item.path.stem}::{layer.name}", []).append(layer.seconds)
    slowest = sorted(by_layer, key=lambda name: -statistics.median(by_layer[name]))[:8]
    p95 = statistics.quantiles(every, n=20)[-1] if len(every) > 1 else every[0]
    head = f"seconds per layer: median {statistics.median(every):.2f}, p95 {p95:.2f}, worst {max(every):.2f}"
    return "\n".join([head, *(f"  {statistics.median(by_layer[name]):6.2f}  {name}" for name in slowest)])


def details(found: Sequence[Outcome]) -> str:
    """Every false alarm, inconclusive layer and miss."""
    lines = []
    for item in found:
        place = f"seed {item.seed}  {item.path.relative_to(ROOT)}"
        for layer in item.layers if item.correct else ():
            if layer.status != "pass":
                lines.append(f"{place}::{layer.name}: {layer.status}: {layer.said}")
        lines += [f"{place}: {problem}" for problem in item.problems if item.correct]
        lines += [f"{place}: missed {bug}" for bug in item.missed]
    return "\n".join(lines)


def seeds(text: str) -> range:
    """`20` is seeds 0 to 19; `5-9` is seeds 5 to 9."""
    first, dash, last = text.partition("-")
    return range(int(first), int(last) + 1) if dash else range(int(first))


def main() -> int:
    """Check all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=seeds, default=range(20), help="how many, or FIRST-LAST")
    parser.add_argument("--only", default="", help="modules whose path contains this")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    jobs = [(path, seed) for seed in options.seeds for path in modules(options.only)]
    found = []
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for item in pool.imap_unordered(outcome, jobs):
            found.append(item)
            if said := details([item]):
                print(said, flush=True)
    print(table(found))
    print(times(found))
    return int(
        bool(
            alarms(found)
            or any(item.missed for item in found)
            or (any(item.correct for item in found) and seen(found) < SEEN)
        )
    )


if __name__ == "__main__":
    sys.exit(main())
