"""Starting the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.cli.prepared import Prepared

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, which must be one strict JSON document and nothing else."""

        def refuse(name: str) -> None:
            raise AssertionError(f"{name} is no JSON")

        return json.loads(self.out, parse_constant=refuse)


def environment(**changes: str) -> dict[str, str]:
    """This process's, from which `conftest.py` has taken what would change how the command prints."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "GRADCHECK_NO_CACHE": "1", **changes}


@cache
def _prepared() -> Prepared | None:
    """One for all tests of this process; None where there is no fork."""
    return Prepared(environment(), ROOT) if sys.platform == "linux" else None


def gradcheck(
    *arguments: str,
    cwd: Path = ROOT,
    engine: str = "",
    env: Mapping[str, str] | None = None,
    seconds: float = 120,
    fresh: bool = False,
) -> Ended:
    """Run `gradcheck ARGUMENTS`, with the engine of that name from `engines.py`, else with the real one.

    Where `fresh`, it is started as a user starts it, and starts its workers so.
    """
    all_of_it = environment(**(env or {}))
    prepared = None if fresh else _prepared()
    if prepared is not None and prepared.serves(all_of_it):
        code, out, err = prepared.run(engine, arguments, cwd, all_of_it, seconds)
    else:
        module = ["tests.cli.engines", engine] if engine else ["gradcheck_cli"]
        command = [sys.executable, "-m", *module, *arguments]
        done = subprocess.run(command, cwd=cwd, env=all_of_it, capture_output=True, timeout=seconds, check=False)
        code, out, err = done.returncode, done.stdout, done.stderr
    ended = Ended(code, out.decode(), err.decode())
    if (env or {}).get("GRADCHECK_DEBUG") != "1":
        assert "Traceback" not in ended.err
    return ended
