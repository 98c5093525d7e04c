"""Further derivatives through the whole line: `fixtures/derivatives`, where each module needs an option of its own.

A module's marked layers get the code of their mark; all others pass, with the option and without it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Report, Status
from tests.fixtures.expectations import BROKEN, is_found, planted_in

FOLDER = BROKEN.parent / "derivatives"
PLAIN = Settings(shrink=False, diagnose=False)
SETTINGS = {
    "second_order": replace(PLAIN, order=2),
    "batches": replace(PLAIN, vmap=True),
    "compiled": PLAIN,
    "forward_mode": PLAIN,
    "complex_numbers": PLAIN,
}


def run(name: str, settings: Settings, draws: int = 1) -> Report:
    options = CheckOptions(InputOptions(seed=0, draws=draws), settings)
    return check_targets([Target(FOLDER / f"{name}.py")], options)


def marked(name: str, layer: LayerReport) -> bool:
    return any(bug.line <= layer.line <= bug.last_line for bug in planted_in(FOLDER / f"{name}.py"))


def said(layer: LayerReport) -> str:
    return f"{layer.name} ({layer.status}): " + "; ".join(f"{one.code} {one.message}" for one in layer.findings)


def test_each_module_has_its_settings() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_marked_layers_are_found_and_the_others_pass(name: str) -> None:
    report = run(name, SETTINGS[name])
    missed = [bug.name for bug in planted_in(FOLDER / f"{name}.py") if not is_found(bug, report)]
    right = [layer for layer in report.layers if not marked(name, layer)]
    assert len(right) >= 2
    alarms = [said(layer) for layer in right if layer.status is not Status.PASS]
    assert not missed and not alarms, (missed, alarms, [said(layer) for layer in report.layers])
    for layer in report.layers:
        codes = [(finding.code, finding.argument) for finding in layer.findings]
        assert len(codes) == len(set(codes)), f"one cause is said once: {said(layer)}"


@pytest.mark.parametrize("name", ["second_order", "batches"])
def test_without_the_option_nothing_is_found(name: str) -> None:
    """So that it is the option that finds them."""
    callbacks = {"sine", "no_batching"}
    failing = [layer for layer in run(name, PLAIN).layers if layer.status is not Status.PASS]
    assert {layer.name for layer in failing} <= callbacks, [said(layer) for layer in failing]
