"""Networks through the real command: what it prints, in which formats, and with which exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.command import Ended, gradcheck
from tests.networks.blocks import source

FORMATS = ("json", "junit", "sarif", "markdown", "html", "jsonl")


def run(*arguments: str, folder: Path) -> Ended:
    env = {"GRADCHECK_NO_CACHE": "", "GRADCHECK_CACHE_DIR": str(folder / "kept")}
    return gradcheck(*arguments, cwd=folder, env=env)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    (folder / "block.py").write_text(source("residual", "numpy", ("x", "sum")))
    return folder


@dataclass(frozen=True)
class Shown:
    """One run: what it printed, and the file of each format."""

    ended: Ended
    files: dict[str, Path]


@pytest.fixture(scope="module")
def shown(wrong: Path) -> Shown:
    files = {name: wrong / f"report.{name}" for name in FORMATS}
    options = [part for name, path in files.items() for part in ("--output", f"{name}={path}")]
    return Shown(run("run", "block.py::net", "--no-cache", *options, folder=wrong), files)


def test_the_terminal_shows_the_way_back(shown: Shown) -> None:
    assert shown.ended.code == 1
    assert "GC201" in shown.ended.out or "GC209" in shown.ended.out
    words = " ".join(shown.ended.out.split())
    assert "`sum` is the first layer on the way back that is wrong" in words
    assert "nothing goes back along the edge `x` → `sum`, one of the 2 that add up at `x`" in words
    assert "the way back: an upstream gradient of shape 3×5" in words
    assert "x (1 of 2 that add)" in words
    assert "$ gradcheck run block.py::net --seed 0" in words


def test_all_formats_carry_it(shown: Shown) -> None:
    assert shown.ended.code == 1, shown.ended.err
    network = json.loads(shown.files["json"].read_text())["layers"][0]["network"]
    assert network["first_wrong"] == "sum"
    assert [stage["name"] for stage in network["stages"]] == ["fc1", "act", "fc2", "sum"]
    assert [flow["fan_out"] for flow in network["stages"][-1]["downstream"]] == [1, 2]
    assert network["directional"] is not None
    for name, path in shown.files.items():
        assert "sum" in path.read_text(), name
    assert "<h3>The way back</h3>" in shown.files["html"].read_text()


def test_a_second_run_takes_the_verdict_from_the_cache(wrong: Path) -> None:
    first = run("run", "block.py::net", "--format", "json", folder=wrong)
    second = run("run", "block.py::net", "--format", "json", folder=wrong)
    before, after = (ended.json["layers"][0] for ended in (first, second))
    assert after["cached"]
    assert after["network"] == before["network"]


def test_list_shows_what_feeds_what(wrong: Path) -> None:
    ended = run("list", "block.py::net", folder=wrong)
    assert ended.code == 0
    assert "fc2, x → sum" in ended.out


def test_a_graph_of_a_whole_network_is_refused_in_a_sentence(wrong: Path) -> None:
    ended = run("trace", "block.py::net", folder=wrong)
    assert ended.code == 2
    assert "`net` is a network, and no single function" in ended.err
