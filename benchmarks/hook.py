"""What the commit hook costs on a file that has not changed, beside importing typer and rich: pairs, in one run.

    python benchmarks/hook.py

Wall seconds of whole processes. The bound is 0.25 s, or six times the import, whichever is larger; exit code 1 beyond.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNCHANGED = ROOT / "fixtures" / "correct" / "dense.py"
FAILING = ROOT / "fixtures" / "mylayer.py"
WITHOUT_LAYERS = ROOT / "gradcheck_cli" / "errors.py"
IMPORTS = [sys.executable, "-c", "import typer, rich"]
SECONDS, TIMES = 0.25, 6.0


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Of the whole process."""
    started = time.perf_counter()
    subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return time.perf_counter() - started


def main() -> int:
    """Measure, print, and compare with the bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=15)
    pairs = parser.parse_args().pairs
    beyond = False
    print("| file | seconds | import of typer and rich | ratio |")
    print("| :-- | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "GRADCHECK_CACHE_DIR": folder, "GRADCHECK_NO_CACHE": ""}
        for what, path in (
            ("unchanged, passes", UNCHANGED),
            ("unchanged, fails", FAILING),
            ("no layer", WITHOUT_LAYERS),
        ):
            command = [sys.executable, "-m", "gradcheck_cli", "run", "--quiet", str(path)]
            seconds(command, environment)  # fills the cache
            measured = [(seconds(command, environment), seconds(IMPORTS, environment)) for _ in range(pairs)]
            ours, imports = (statistics.median(side) for side in zip(*measured))
            ratio = statistics.median(one / other for one, other in measured)
            beyond |= ours > max(SECONDS, TIMES * imports)
            print(f"| {what} | {ours:.3f} | {imports:.3f} | {ratio:.1f} |")
    return int(beyond)


if __name__ == "__main__":
    sys.exit(main())
