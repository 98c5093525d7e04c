"""A process can be killed at any moment: a report is then the old one, the new one, or not there, and never half."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.formats import renderer
from tests.cli.command import ROOT, environment
from tests.report import reports
from tests.thorough import THOROUGH

KILLS = 100 if THOROUGH else 40

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")


def killed(way: str, folder: Path, kills: int) -> Any:
    command = [sys.executable, "-m", "tests.cli.killing", way, str(folder), str(kills), "0"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=True, timeout=300)
    return json.loads(done.stdout)


def test_at_many_random_moments_no_file_is_half_written(tmp_path: Path) -> None:
    told = killed("whole", tmp_path, KILLS)
    assert "broken" not in told["found"]
    assert sum(told["found"].values()) == KILLS * 6  # each file after each kill
    assert told["found"]["version 0"] > 0
    assert told["found"]["version 1"] > 0
    assert told["amid"] > 0, "the kills missed the writing: this test shows nothing"
    assert told["strangers"] == []


def test_half_a_file_would_be_seen(tmp_path: Path) -> None:
    assert killed("plain", tmp_path, KILLS)["found"]["broken"] > 0


def test_the_command_itself_is_killed(tmp_path: Path) -> None:
    """From its start to its end: what lay there before stays until the new report takes its place."""
    rng = random.Random(0)
    command = [sys.executable, "-m", "tests.cli.engines", "mixed", "run", "x.py"]
    new = {name: tmp_path / f"report.{name}" for name in ("json", "sarif", "html")}
    for file in new.values():
        command += ["--output", str(file)]
    old = renderer("json")(reports.passing_report(), Ending())
    ends = set()
    for number in range(12 if THOROUGH else 6):
        for file in new.values():
            file.write_text(old)
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if not number:
            pass  # at once: before anything can have been written
        elif rng.random() < 0.75:
            # the report is written at the end, when standard output already has it
            assert process.stdout is not None
            process.stdout.read(1)
            time.sleep(rng.uniform(0, 0.15))
        else:
            time.sleep(rng.uniform(0, 1))
        process.kill()
        process.communicate()
        for name, file in new.items():
            content = file.read_text()
            whole = content.endswith("</html>\n") if name == "html" else content.endswith("}\n")
            assert content == old or (whole and "affine_twice" in content)
            ends.add(content == old)
            if content != old and name != "html":
                json.loads(content)
    assert ends == {True, False}
