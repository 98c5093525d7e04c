"""Kills a process that writes reports, again and again, and looks at what it left: `python -m tests.cli.killing`.

`python -m tests.cli.killing WAY FOLDER KILLS SEED`: WAY is `whole`, as gradcheck writes, or `plain`, as it must not.
Prints one JSON object: how many files were found absent, old and new, what was found broken, and how often a kill came
in the middle of a write (a hidden file was left).
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gradcheck_cli.cli.delivery import write_whole
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.formats import SUFFIXES, TABLE, renderer
from tests.report import reports

Writer = Callable[[Path, str], None]
MANY = 60
"""Layers of a report: enough for a write to take a while."""


def _plain(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")


WAYS: dict[str, Writer] = {"whole": write_whole, "plain": _plain}


def contents() -> dict[str, tuple[str, str]]:
    """For each file two reports that it may hold, whole."""
    first = reports.report(*[reports.mismatch()] * MANY)
    second = reports.report(*[reports.convolution()] * MANY, reports.layer("the last"))
    formats = {name: suffix for suffix, name in SUFFIXES.items() if name != TABLE}
    return {
        f"report{suffix}": (renderer(name)(first, Ending()), renderer(name)(second, Ending()))
        for name, suffix in formats.items()
    }


def judged(folder: Path, known: Mapping[str, tuple[str, str]]) -> Counter[str]:
    """What each file is: absent, the one or the other report, or broken."""
    found: Counter[str] = Counter()
    for name, versions in known.items():
        try:
            content = (folder / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            found["absent"] += 1
            continue
        found[f"version {versions.index(content)}" if content in versions else "broken"] += 1
    return found


def _write_for_ever(write: Writer, folder: Path, known: Mapping[str, tuple[str, str]]) -> None:
    number = 0
    while True:
        for name, versions in known.items():
            write(folder / name, versions[number % 2])
        number += 1


def main(way: str, folder: Path, kills: int, seed: int) -> dict[str, Any]:
    known = contents()
    rng = random.Random(seed)
    found: Counter[str] = Counter()
    strangers: set[str] = set()
    amid = 0
    for _ in range(kills):
        for name in known:
            if rng.random() < 0.3:
                (folder / name).unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            _write_for_ever(WAYS[way], folder, known)
        time.sleep(rng.uniform(0.0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found += judged(folder, known)
        left = [file for file in folder.iterdir() if file.name not in known]
        amid += bool(left)
        for file in left:
            if not (file.name.startswith(".gradcheck-") and file.suffix == ".tmp"):
                strangers.add(file.name)
            file.unlink()
    return {"found": found, "amid": amid, "strangers": sorted(strangers)}


if __name__ == "__main__":
    told = main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps(told))  # noqa: T201
