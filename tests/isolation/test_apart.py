"""What workers report is what the same check reports in this process, whoever does it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.checking.options import Silent
from gradcheck_cli.errors import UserError
from gradcheck_cli.isolation.apart import Apart, Workers
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.json import render_json
from gradcheck_cli.report.model import LayerReport, Report, Status
from tests.cli.command import ROOT
from tests.thorough import each

EXAMPLE = ROOT / "fixtures" / "mylayer.py"
OPTIONS = CheckOptions(InputOptions(draws=1))


def told(report: Report) -> Any:
    layers = tuple(replace(layer, seconds=0.0) for layer in report.layers)
    return json.loads(render_json(replace(report, layers=layers, seconds=0.0)))


@pytest.mark.parametrize("count", each(2, [3, 1]))
def test_reports_are_those_of_one_process_in_the_same_order(count: int) -> None:
    with Apart(Workers(count)) as apart:
        report = apart.check([Target(EXAMPLE)], OPTIONS, Silent())
    assert told(report) == told(check_targets([Target(EXAMPLE)], OPTIONS))


class Counting(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int, int]] = []
        self.steps: list[str] = []
        self.finished: list[str] = []

    def layer_started(self, name: str, position: int, total: int) -> None:
        self.started.append((name, position, total))

    def step(self, name: str, what: str) -> None:
        self.steps.append(f"{name}: {what}")

    def layer_finished(self, report: LayerReport) -> None:
        self.finished.append(report.name)


def test_progress_comes_through() -> None:
    progress = Counting()
    with Apart(Workers()) as apart:
        apart.check([Target(EXAMPLE, "affine"), Target(EXAMPLE, "relu")], OPTIONS, progress)
    assert progress.started == [("affine", 0, 2), ("relu", 1, 2)]
    assert progress.finished == ["affine", "relu"]
    assert "relu: draw 1 of 1" in progress.steps


def test_fail_fast_stops() -> None:
    with Apart(Workers()) as apart:
        report = apart.check(
            [Target(EXAMPLE, "layernorm"), Target(EXAMPLE, "affine")], replace(OPTIONS, fail_fast=True), Silent()
        )
    assert [layer.status for layer in report.layers] == [Status.FAIL]


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        (Target(EXAMPLE, "afine"), OPTIONS, "no layer `afine`"),
        (Target(EXAMPLE), CheckOptions(InputOptions(shapes={"q": (2,)})), "no layer has an argument `q`"),
        (Target(ROOT / "nowhere.py"), OPTIONS, "no such file"),
    ],
)
def test_what_the_command_cannot_do_is_raised_here(target: Target, options: CheckOptions, words: str) -> None:
    with pytest.raises(UserError, match=words), Apart(Workers()) as apart:
        apart.check([target], options, Silent())


def test_nothing_is_started_where_there_is_no_layer(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("raise SystemExit\n")
    with Apart(Workers()) as apart:
        assert apart.check([Target(tmp_path)], OPTIONS, Silent()).layers == ()
        assert apart._pool is None


def test_a_source_is_read_once(tmp_path: Path) -> None:
    """An edit while layers are checked changes nothing: all workers see the same text."""
    path = tmp_path / "edited.py"
    path.write_text(
        f"open({str(path)!r}, 'a').write('broken(')\n"
        "def twice_forward(x): return 2 * x, None\ndef twice_backward(dout, cache): return 2 * dout\n"
        "def thrice_forward(x): return 3 * x, None\ndef thrice_backward(dout, cache): return 2 * dout\n"
    )
    with Apart(Workers(2)) as apart:
        report = apart.check([Target(path)], OPTIONS, Silent())
    assert [layer.status for layer in report.layers] == [Status.PASS, Status.FAIL]


def test_the_private_folder_is_gone_afterwards() -> None:
    with Apart(Workers()) as apart:
        apart.check([Target(EXAMPLE, "relu")], OPTIONS, Silent())
        assert apart._pool is not None
        folder = apart._pool._folder
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
