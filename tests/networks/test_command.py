"""Networks through the real command: what it prints, in which formats, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.networks.blocks import source

FIXTURES = Path(__file__).parents[2] / "fixtures" / "networks"


def run(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gradcheck_cli", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    (folder / "block.py").write_text(source("residual", "numpy", ("x", "sum")))
    return folder


def test_the_terminal_shows_the_way_back(wrong: Path) -> None:
    done = run("run", "block.py::net", "--no-cache", folder=wrong)
    assert done.returncode == 1
    assert "GC201" in done.stdout or "GC209" in done.stdout
    words = " ".join(done.stdout.split())
    assert "`sum` is the first layer on the way back that is wrong" in words
    assert "nothing goes back along the edge `x` → `sum`, one of the 2 that add up at `x`" in words
    assert "the way back: an upstream gradient of shape 3×5" in words
    assert "x (1 of 2 that add)" in words
    assert "$ gradcheck run block.py::net --seed 0" in words


def test_all_formats_carry_it(wrong: Path) -> None:
    outputs = {name: wrong / f"report.{name}" for name in ("json", "junit", "sarif", "markdown", "html", "jsonl")}
    options = [part for name, path in outputs.items() for part in ("--output", f"{name}={path}")]
    done = run("run", "block.py::net", *options, folder=wrong)
    assert done.returncode == 1, done.stderr
    network = json.loads(outputs["json"].read_text())["layers"][0]["network"]
    assert network["first_wrong"] == "sum"
    assert [stage["name"] for stage in network["stages"]] == ["fc1", "act", "fc2", "sum"]
    assert [flow["fan_out"] for flow in network["stages"][-1]["downstream"]] == [1, 2]
    assert network["directional"] is not None
    for name, path in outputs.items():
        assert "sum" in path.read_text(), name
    assert "<h3>The way back</h3>" in outputs["html"].read_text()


def test_a_second_run_takes_the_verdict_from_the_cache(wrong: Path) -> None:
    first = run("run", "block.py::net", "--format", "json", folder=wrong)
    second = run("run", "block.py::net", "--format", "json", folder=wrong)
    before, after = (json.loads(done.stdout)["layers"][0] for done in (first, second))
    assert after["cached"]
    assert after["network"] == before["network"]


def test_list_shows_what_feeds_what(wrong: Path) -> None:
    done = run("list", "block.py::net", folder=wrong)
    assert done.returncode == 0
    assert "fc2, x → sum" in done.stdout


def test_a_graph_of_a_whole_network_is_refused_in_a_sentence(wrong: Path) -> None:
    done = run("trace", "block.py::net", folder=wrong)
    assert done.returncode == 2
    assert "`net` is a network, and no single function" in done.stderr
    assert "Traceback" not in done.stderr
