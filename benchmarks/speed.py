"""How long gradcheck takes, beside its peers: ratios measured side by side in one run.

    pip install -e . torch==2.13.0
    python benchmarks/speed.py

Each row is timed in turns (A B A B ...), and the ratio is the median of the pairs' ratios, so that a machine that
slows down half-way slows both. Bounds are the project's own; exit code 1 where one is missed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

AFFINE = """
import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""

TORCH = """
import torch
x, w, b = (torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in [(4, 6), (6, 5), (5,)])
assert torch.autograd.gradcheck(lambda x, w, b: x @ w + b, (x, w, b))
"""


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of ours and theirs, the ratio's median and spread, and what is allowed."""

    name: str
    ours: float
    theirs: float
    ratios: list[float]
    bound: float


def paired(name: str, ours: Callable[[], float], theirs: Callable[[], float], bound: float, runs: int) -> Row:
    """Time both in turns; the first turn warms up and is not counted."""
    pairs = [(ours(), theirs()) for _ in range(runs + 1)][1:]
    return Row(
        name,
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        [a / b for a, b in pairs],
        bound,
    )


def process(*command: str) -> Callable[[], float]:
    """Whole-process seconds of a command that must succeed."""

    def run() -> float:
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - started

    return run


def engine(path: Path, n: int, d: int, m: int, *, full: bool) -> Callable[[], float]:
    """Seconds to check the affine layer in a process that has started: all its draws, nothing cached."""
    from gradcheck_cli.checking import CheckOptions, Target, check_targets
    from gradcheck_cli.judge.settings import Settings
    from gradcheck_cli.layers.options import InputOptions
    from gradcheck_cli.report.model import Status

    inputs = InputOptions(
        shapes={"x": ("N", "D"), "w": ("D", "M"), "b": ("M",)}, dimensions={"N": n, "D": d, "M": m}, draws=1
    )

    def run() -> float:
        options = CheckOptions(inputs, Settings(full=full))
        started = time.perf_counter()
        report = check_targets([Target(path)], options)
        seconds = time.perf_counter() - started
        assert [layer.status for layer in report.layers] == [Status.PASS], report
        return seconds

    return run


def torch_gradcheck(n: int, d: int, m: int, *, fast: bool) -> Callable[[], float]:
    """Seconds of `torch.autograd.gradcheck` on the same layer."""
    import torch

    def run() -> float:
        shapes = [(n, d), (d, m), (m,)]
        x, w, b = (torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in shapes)
        started = time.perf_counter()
        assert torch.autograd.gradcheck(lambda x, w, b: x @ w + b, (x, w, b), fast_mode=fast)
        return time.perf_counter() - started

    return run


def main() -> int:
    """Run every comparison and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="counted pairs per row")
    runs = parser.parse_args().runs
    command = shutil.which("gradcheck", path=str(Path(sys.executable).parent)) or "gradcheck"
    with tempfile.TemporaryDirectory() as folder:
        layer, script = Path(folder) / "affine.py", Path(folder) / "torch_small.py"
        layer.write_text(AFFINE)
        script.write_text(TORCH)
        imports = process(sys.executable, "-c", "import typer, rich")
        rows = [
            paired("gradcheck --help / import typer, rich", process(command, "--help"), imports, 3.0, runs),
            paired(
                "one small layer, cold process / one small torch gradcheck",
                process(
                    command, "run", "--no-cache", str(layer), "--shape", "x=4,6", "--shape", "w=6,5", "--shape", "b=5"
                ),
                process(sys.executable, str(script)),
                1.0,
                runs,
            ),
            paired(
                "affine 32x1024x1024, every element / torch fast_mode",
                engine(layer, 32, 1024, 1024, full=False),
                torch_gradcheck(32, 1024, 1024, fast=True),
                5.0,
                runs,
            ),
            paired(
                "affine 16x64x32, --full / torch full mode",
                engine(layer, 16, 64, 32, full=True),
                torch_gradcheck(16, 64, 32, fast=False),
                1.0,
                runs,
            ),
        ]
    print(f"{'ours / theirs':58} {'ours':>8} {'theirs':>8} {'ratio':>6} {'spread':>13} {'bound':>6}")
    missed = False
    for row in rows:
        ratio = statistics.median(row.ratios)
        missed |= ratio > row.bound
        spread = f"{min(row.ratios):.2f}–{max(row.ratios):.2f}"
        verdict = "" if ratio <= row.bound else "  MISSED"
        times = f"{row.ours:7.3f}s {row.theirs:7.3f}s"
        print(f"{row.name:58} {times} {ratio:6.2f} {spread:>13} {row.bound:6.1f}{verdict}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
