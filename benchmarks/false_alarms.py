"""Right layers under many seeds, dtypes, magnitudes and sizes: nothing may be found, and little left undecided.

    pip install -e '.[test]'
    python benchmarks/false_alarms.py --checks 10000 --processes 2

Each check is one right layer of `fixtures/correct`, `fixtures/derivatives`, `fixtures/unstable` (at magnitude one: at
others it is what it says) or `benchmarks/detection/zoo`, with one draw of inputs and all contracts, under a seed, a
dtype (float64, float32, float16, bfloat16, complex64, complex128), sizes of its own, and a magnitude from 1e-6 to 1e6
(from 1e-2 to 1e2 in float16, whose numbers end at 65,504 and whose squares vanish below 2e-4, and where `SINGULAR` says
why). A check whose forward does not run in that dtype, or is not finite at that magnitude, says nothing about the judge
and is counted apart, as not applicable. Exit code 1 on any false alarm, or where 1 % or more of the others are
inconclusive.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

FOLDERS = (
    ROOT / "fixtures" / "correct",
    ROOT / "fixtures" / "derivatives",
    ROOT / "fixtures" / "unstable",
    ROOT / "benchmarks" / "detection" / "zoo",
)

DTYPES = {
    "float64": 0.4,
    "float32": 0.25,
    "float16": 0.1,
    "bfloat16": 0.1,
    "complex128": 0.1,
    "complex64": 0.05,
}
"""How often each is drawn."""

COMPLEX = frozenset(
    "project blur rotary linear tanh residual conv_im2col conv_naive affine Highway horner cube bilinear film "
    "reflect_pad upsample cumsum interleave concat glu roll_flip pixel_shuffle centre gru_scan silu matmul swish "
    "Linear rnn_step lstm_step lstm temporal_affine linear_solve outer Exp LinearFunction Multiply Sigmoid "
    "Affine MatMul RNN LSTM GRU TimeAffine".split()
)
"""Layers that are written for complex arguments too: others compare them, or gather them in real arrays."""

LARGEST_SIZE = 12
SIZED = 0.3
"""The share of checks in which some dimensions get sizes of their own."""

NAMES = ("N", "D", "M", "C", "H", "T", "V")

NOT_APPLICABLE = "not applicable"
ALARMS = ("fail", "error")
UNDER_STRESS = ("GC401", "GC403")
MOST_INCONCLUSIVE = 0.01
BATCH = 60
"""Checks of one module that are done together: it is loaded, and its dual copy made, once."""


@dataclass(frozen=True)
class Setting:
    """Under what one layer is checked."""

    seed: int
    dtype: str
    magnitude: float
    dimensions: dict[str, int] = field(default_factory=dict)

    def options(self) -> str:
        """As the command line takes it."""
        sizes = "".join(f" --dim {name}={size}" for name, size in self.dimensions.items())
        return f"--draws 1 --seed {self.seed} --dtype {self.dtype} --magnitude {self.magnitude:.6g}{sizes}"


@dataclass(frozen=True)
class Outcome:
    """One check: which layer under what, how it ended, and what was said."""

    path: str
    name: str
    setting: Setting
    status: str
    said: str
    seconds: float

    def command(self) -> str:
        """What repeats it."""
        return f"gradcheck run {self.path}::{self.name} {self.setting.options()}"


@dataclass(frozen=True)
class Job:
    """Checks of one module: the name of a layer, and a setting to check it under."""

    path: Path
    checks: tuple[tuple[str, Setting], ...]


def modules(only: str) -> list[Path]:
    """The modules that hold right layers, those whose path contains `only`."""
    found = [path for folder in FOLDERS if folder.is_dir() for path in sorted(folder.rglob("*.py"))]
    return [path for path in found if path.name != "__init__.py" and only in str(path.relative_to(ROOT))]


def layers_of(path: Path) -> list[str]:
    """The right layers of a module: all but those that a mark says are wrong without `--stress` (GC403 needs it)."""
    from gradcheck_cli.checking import Target, find_layers
    from tests.fixtures.expectations import planted_in

    bugs = [bug for bug in planted_in(path) if bug.code not in UNDER_STRESS]
    return [
        layer.name
        for _, layer in find_layers([Target(path)]).layers
        if not any(bug.line <= layer.line <= bug.last_line for bug in bugs)
    ]


def jobs(checks: int, seed: int, only: str) -> list[Job]:
    """`checks` checks, spread evenly over the layers, in batches of one module."""
    rng = np.random.default_rng(seed)
    layers = [(path, name) for path in modules(only) for name in layers_of(path)]
    counts = np.full(len(layers), checks // len(layers))
    counts[rng.permutation(len(layers))[: checks % len(layers)]] += 1
    of_module: dict[Path, list[tuple[str, Setting]]] = {}
    for (path, name), count in zip(layers, counts):
        of_module.setdefault(path, []).extend((name, setting) for setting in _settings(rng, path, name, int(count)))
    made = []
    for path, some in of_module.items():
        made += [Job(path, tuple(some[at : at + BATCH])) for at in range(0, len(some), BATCH)]
    rng.shuffle(made)  # type: ignore[arg-type]
    return made


SINGULAR = {
    "KalmanStep": "it inverts H P Hᵀ + R, whose condition grows with the fourth power of the magnitude where there are "
    "more observations than states: beyond 1e4 no digit of the inverse is right, and the layer is wrong indeed"
}
"""Layers that are right at moderate magnitudes only, as those of `fixtures/unstable` are, and why."""


def _settings(rng: np.random.Generator, path: Path, name: str, count: int) -> Iterator[Setting]:
    shares = {dtype: share for dtype, share in DTYPES.items() if name in COMPLEX or not dtype.startswith("complex")}
    weights = np.array(list(shares.values())) / sum(shares.values())
    for _ in range(count):
        dimensions = {}
        if rng.random() < SIZED:
            chosen = rng.choice(NAMES, 3, replace=False)
            dimensions = {str(each): int(rng.integers(1, LARGEST_SIZE + 1)) for each in chosen}
        seed, dtype = int(rng.integers(2**31)), str(rng.choice(list(shares), p=weights))
        decades = 0 if "unstable" in path.parts else 2 if dtype == "float16" or name in SINGULAR else 6
        yield Setting(seed, dtype, float(f"{10 ** rng.uniform(-decades, decades):.3g}"), dimensions)


def run(job: Job) -> list[Outcome]:
    """All checks of one job, in this process."""
    from gradcheck_cli.checking import Target, find_layers
    from gradcheck_cli.checking.layer import Checker
    from gradcheck_cli.checking.options import Silent
    from gradcheck_cli.judge.settings import Settings
    from gradcheck_cli.layers.options import InputOptions

    layers = {layer.name: (module, layer) for module, layer in find_layers([Target(job.path)]).layers}
    checker = Checker()
    outcomes = []
    for name, setting in job.checks:
        module, layer = layers[name]
        inputs = InputOptions(
            dimensions=setting.dimensions,
            dtype=setting.dtype,
            seed=setting.seed,
            draws=1,
            magnitude=setting.magnitude,
        )
        started = time.perf_counter()
        report = checker.check(module, layer, inputs, Settings(shrink=False, diagnose=False), Silent())
        seconds = time.perf_counter() - started
        said = "; ".join(f"{finding.code} {finding.message}" for finding in report.findings) or "; ".join(
            f"{argument.name}: {argument.why}" for argument in report.arguments if argument.why
        )
        status = str(report.status)
        if _is_not_applicable(setting, report.findings, said):
            status = NOT_APPLICABLE
        outcomes.append(Outcome(str(job.path.relative_to(ROOT)), name, setting, status, said, seconds))
    return outcomes


def _is_not_applicable(setting: Setting, findings: Sequence[object], said: str) -> bool:
    """Whether the layer itself cannot do what it was asked: run in this dtype and sizes, and stay finite."""
    codes = {getattr(finding, "code", "") for finding in findings}
    unusual = bool(setting.dimensions) or setting.dtype not in ("float64", "float32") or setting.magnitude != 1
    if codes and codes <= {"GC502", "GC503"}:
        return unusual
    return not codes and "the forward gives" in said


def table(found: Sequence[Outcome]) -> str:
    """One line a dtype, one a band of magnitudes, and one for all."""
    columns = ("", "checks", "pass", "false alarms", "inconclusive", "not applicable", "seconds each")
    lines = ["  ".join(f"{column:>{max(8, len(column))}}" for column in columns)]
    bands = {f"1e{low}..1e{low + 3}": (10.0**low, 10.0 ** (low + 3)) for low in range(-6, 6, 3)}
    groups = {dtype: [item for item in found if item.setting.dtype == dtype] for dtype in DTYPES}
    for band, (low, high) in bands.items():
        groups[band] = [item for item in found if low <= item.setting.magnitude < high]
    groups["all"] = list(found)
    for name, some in groups.items():
        count = Counter(item.status for item in some)
        cells = (
            name,
            len(some),
            count["pass"],
            sum(count[status] for status in ALARMS),
            count["inconclusive"],
            count[NOT_APPLICABLE],
            f"{sum(item.seconds for item in some) / max(len(some), 1):.2f}",
        )
        lines.append("  ".join(f"{cell!s:>{max(8, len(column))}}" for cell, column in zip(cells, columns)))
    return "\n".join(lines)


def main() -> int:
    """Check all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="modules whose path contains this")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    started = time.perf_counter()
    work = jobs(options.checks, options.seed, options.only)
    found: list[Outcome] = []
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for outcomes in pool.imap_unordered(run, work):
            found += outcomes
            for item in outcomes:
                if item.status in (*ALARMS, "inconclusive"):
                    print(f"{item.status}: {item.command()}\n    {item.said}", flush=True)
    print(table(found))
    alarms = sum(item.status in ALARMS for item in found)
    applicable = sum(item.status != NOT_APPLICABLE for item in found)
    inconclusive = sum(item.status == "inconclusive" for item in found) / max(applicable, 1)
    print(
        f"{len(found):,} checks, {applicable:,} applicable: {alarms} false alarms, {inconclusive:.2%} inconclusive, "
        f"{time.perf_counter() - started:.0f} s"
    )
    return int(bool(alarms) or inconclusive >= MOST_INCONCLUSIVE)


if __name__ == "__main__":
    sys.exit(main())
