"""Whether blame finds its line: layers with each term of their backward left out in turn, and each two terms.

Each layer is written in NumPy and in JAX, as people write them by hand (`tests/diagnose/blocks.py` and `layers.py`).
Run from the root: `python -m benchmarks.blame`; prints Markdown for `docs/diagnosis.md`. Takes some minutes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from gradcheck_cli.checking import CheckOptions, Target, check_targets, diagnosing
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.report.model import LayerReport, Status
from tests.diagnose.blocks import BATCHNORM, DEEP, IDENTITY, LAYERNORM, PROJECTION, RESNEXT, Block
from tests.diagnose.layers import ATTENTION, CROSS_ENTROPY, LSTM, LSTM_SCAN, SOFTMAX

LAYERS = {
    "batch normalisation": BATCHNORM,
    "layer normalisation": LAYERNORM,
    "softmax": SOFTMAX,
    "softmax cross-entropy": CROSS_ENTROPY,
    "attention": ATTENTION,
    "LSTM over time": LSTM,
    "LSTM over time, `lax.scan`": LSTM_SCAN,
    "residual block": IDENTITY,
    "residual block with a projection": PROJECTION,
    "residual block of three branches": RESNEXT,
    "two residual blocks": DEEP,
}
LIBRARIES = {"np": "NumPy", "jnp": "JAX"}


@dataclass(frozen=True)
class Told:
    """What a check said, and how long it and its diagnosis took, in seconds of this process."""

    report: LayerReport
    seconds: float
    diagnosis: float


def main() -> None:
    """Print the tables."""
    print("| layer | in | right passes | line named | check | diagnosis |\n| --- | --- | --- | --- | --- | --- |")
    for name, block in LAYERS.items():
        for library in LIBRARIES if block is not LSTM_SCAN else ["jnp"]:
            print(_row(name, block, library), flush=True)
    print("\n| layer | pairs | both lines named |\n| --- | --- | --- |")
    for name, block in LAYERS.items():
        if block is not LSTM_SCAN:
            pairs = [f"{one}+{two}" for one, two in combinations(block.terms, 2)]
            named = [_is_named(block, "np", terms) for terms in pairs]
            print(f"| {name} | {len(pairs)} | {sum(named)} |", flush=True)


def _row(name: str, block: Block, library: str) -> str:
    right = _checked(block.source(library))
    told = [_checked(block.source(library, term)) for term in block.terms]
    named = [_lines(one.report) == _wanted(block, library, term) for one, term in zip(told, block.terms)]
    diagnosis = sum(one.diagnosis for one in told) / len(told)
    check = sum(one.seconds for one in told) / len(told) - diagnosis
    for term in (term for term, is_named in zip(block.terms, named) if not is_named):
        print(f"{name}, {library}: {term} is not named", file=sys.stderr)
    passes = "yes" if right.report.status is Status.PASS else "**no**"
    count = f"{sum(named)} of {len(named)}"
    return f"| {name} | {LIBRARIES[library]} | {passes} | {count} | {check:.1f} s | {diagnosis:.1f} s |"


def _is_named(block: Block, library: str, terms: str) -> bool:
    is_named = _lines(_checked(block.source(library, terms)).report) == _wanted(block, library, terms)
    if not is_named:
        print(f"{block.name}, {library}: {terms} are not both named", file=sys.stderr)
    return is_named


def _wanted(block: Block, library: str, terms: str) -> set[int]:
    return {block.use(block.source(library), term).line for term in terms.split("+")}


def _lines(report: LayerReport) -> set[int]:
    return {finding.blame.line for finding in report.findings if finding.blame is not None}


def _checked(source: str) -> Told:
    spent = [0.0]
    with tempfile.TemporaryDirectory() as folder, _timed(spent):
        path = Path(folder) / "layer.py"
        path.write_text(source, encoding="utf-8")
        start = time.process_time()
        (report,) = check_targets([Target(path)], CheckOptions(settings=Settings(shrink=False))).layers
        return Told(report, time.process_time() - start, spent[0])


class _timed:
    """Adds up the time that is spent on causes."""

    def __init__(self, spent: list[float]) -> None:
        self._spent, self._causes = spent, diagnosing.causes

    def __enter__(self) -> None:
        def causes(*arguments: object) -> object:
            start = time.process_time()
            try:
                return self._causes(*arguments)  # type: ignore[arg-type]
            finally:
                self._spent[0] += time.process_time() - start

        diagnosing.causes = causes  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        diagnosing.causes = self._causes


if __name__ == "__main__":
    main()
