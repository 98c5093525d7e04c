"""What a run is about, as its options say, and what it runs on."""

from __future__ import annotations

import importlib.util
import os
import platform
import random
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.detection.planted import ZOO


def seeds(text: str) -> range:
    """`10` is seeds 0 to 9; `5-9` is seeds 5 to 9."""
    first, dash, last = text.partition("-")
    return range(int(first), int(last) + 1) if dash else range(int(first))


def chosen(names: Sequence[Sequence[str]], only: str, sample: int) -> dict[Path, list[str]]:
    """The layers of each module of the zoo that a run is about."""
    module, colons, part = only.partition("::")
    every = [
        (path, name)
        for path, own in zip(ZOO, names)
        for name in own
        if (path.stem == module and part in name if colons else only in f"{path.stem}::{name}")
    ]
    if 0 < sample < len(every):
        every = random.Random(0).sample(every, sample)
    return {path: [name for other, name in every if other == path] for path in dict.fromkeys(path for path, _ in every)}


def machine() -> str:
    """What this runs on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("gradcheck-cli", "jax", "numpy"))
    torch = f", torch {version('torch')}" if _has_torch() else ""
    where = f"{platform.machine()}, {os.cpu_count()} cores, CPU only"
    return f"Python {platform.python_version()}, {packages}{torch}; {where}."


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None
