"""Starting the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """This process's, without what would change how the command prints."""
    kept = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"}}
    return {**kept, "PYTHONPATH": str(ROOT), "GRADCHECK_NO_CACHE": "1", **changes}


def gradcheck(
    *arguments: str, cwd: Path = ROOT, engine: str = "", env: Mapping[str, str] | None = None, seconds: float = 120
) -> Ended:
    """Run `gradcheck ARGUMENTS`, with the engine of that name from `engines.py`, else with the real one."""
    module = ["tests.cli.engines", engine] if engine else ["gradcheck_cli"]
    done = subprocess.run(
        [sys.executable, "-m", *module, *arguments],
        cwd=cwd,
        env=environment(**(env or {})),
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    ended = Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
    if (env or {}).get("GRADCHECK_DEBUG") != "1":
        assert "Traceback" not in ended.err
    return ended
