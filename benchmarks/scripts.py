"""Do the scripts of failing layers stand by themselves: fail on the wrong backward, pass on the right one?

    pip install -e '.[test]'
    python benchmarks/scripts.py --sample 100

Bugs are drawn at random from the zoo (`benchmarks/detection`): planted by hand, and mutants of the backwards. For each
that `gradcheck` finds, the script it prints is started in a process of its own, once beside the wrong module and once
beside the right one. The first must end in an AssertionError, the second in silence. Exit code 1 where one does not.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.detection.bug import Bug, planted_by_hand  # noqa: E402
from benchmarks.detection.mutation import mutants  # noqa: E402
from benchmarks.detection.planted import ZOO  # noqa: E402
from gradcheck_cli.checking import CheckOptions, Target, check_targets  # noqa: E402
from gradcheck_cli.layers.discovery import find  # noqa: E402
from gradcheck_cli.layers.loading import load  # noqa: E402
from gradcheck_cli.layers.options import InputOptions  # noqa: E402
from gradcheck_cli.report.model import LayerReport, Status  # noqa: E402

SECONDS = 120
"""After which a script counts as one that does not end."""


@dataclass(frozen=True)
class Outcome:
    """What became of one bug: `fine`, `no script`, `not found`, or what is wrong with its script."""

    bug: Bug
    said: str
    script: str = ""
    lines: int = 0
    seconds: float = 0.0


def outcome(bug: Bug, seed: int = 0) -> Outcome:
    """Check the wrong module, and run its script beside it and beside the right one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / bug.module.name
        path.write_text(bug.source, encoding="utf-8")
        options = CheckOptions(InputOptions(seed=seed))
        layers = check_targets([Target(path, bug.layer)], options).layers
        failing = next((layer for layer in layers if layer.status is Status.FAIL), None)
        if failing is None:
            return Outcome(bug, "not found")
        if not failing.script:
            return Outcome(bug, f"no script ({failing.findings[0].code})")
        said = judged(failing, path, bug.module.read_text(encoding="utf-8"))
        return Outcome(bug, said, failing.script, len(failing.script.splitlines()), failing.seconds)


def judged(failing: LayerReport, path: Path, right: str) -> str:
    """`fine`, or what is wrong with the script; leaves the right source at `path`."""
    if len(failing.script.splitlines()) > 10:
        return "longer than ten lines"
    wrong = run(failing.script)
    if wrong.returncode == 0 or "AssertionError" not in wrong.stderr.splitlines()[-1]:
        return f"does not fail its assertion: {last_line(wrong)}"
    path.write_text(right, encoding="utf-8")
    mended = run(failing.script)
    return "fine" if mended.returncode == 0 else f"fails on the right backward: {last_line(mended)}"


def run(script: str) -> subprocess.CompletedProcess[str]:
    """A script as a user runs it, from the folder that gradcheck was run in, with nothing of gradcheck's at hand."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "JAX_PLATFORMS": "cpu"}
    return subprocess.run(
        [sys.executable, "-"],
        input=script,
        capture_output=True,
        text=True,
        env=environment,
        timeout=SECONDS,
        check=False,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a process said at its end."""
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}, and nothing said"


def candidates(seed: int, modules: Sequence[Path] = ZOO) -> Iterator[Bug]:
    """Bugs of all layers of the zoo in random order: each layer's own in turn, one by hand, then mutants."""
    queues = []
    for path in modules:
        module = load(path)
        layers = find(module).layers
        by_hand = planted_by_hand(path)
        made = mutants(path, module.source, layers, seed)
        for layer in layers:
            queues.append([*(bug for bug in by_hand if bug.layer == layer.name), *made.get(layer.name, [])])
    rng = random.Random(seed)
    while any(queues):
        rng.shuffle(queues)
        for queue in queues:
            if queue:
                yield queue.pop(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, check, run, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=100, help="failures to look at (100)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--module", action="append", default=[], help="only these modules of the zoo")
    told = parser.parse_args(arguments)
    chosen = [path for path in ZOO if not told.module or path.stem in told.module]
    counts: Counter[str] = Counter()
    bad = []
    lines = []
    for bug in candidates(told.seed, chosen):
        found = outcome(bug)
        if found.said == "not found":
            continue
        counts[found.said.partition(":")[0]] += 1
        lines.append(found.lines)
        if found.said != "fine":
            bad.append(found)
            print(f"{bug.name}: {found.said}\n{found.script}", flush=True)
        if sum(counts.values()) >= told.sample:
            break
    print(", ".join(f"{count} {said}" for said, count in counts.most_common()))
    print(f"lines: {max(lines, default=0)} at most")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
