"""The whole line on our own modules: every right layer passes, every planted bug gets the code its mark names.

One seed and one draw here; `GRADCHECK_SEEDS=0-19 pytest tests/end_to_end/test_fixtures.py` runs twenty with three.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.checking.targets import find_layers
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Report, Status
from tests.fixtures.expectations import BROKEN, CORRECT, is_found, is_named, planted_in
from tests.thorough import THOROUGH

FIRST, _, LAST = os.environ.get("GRADCHECK_SEEDS", "0").partition("-")
SEEDS = range(int(FIRST), int(LAST or FIRST) + 1)

DRAWS = 3 if THOROUGH or "GRADCHECK_SEEDS" in os.environ else 1
"""With three, the last has a batch of one."""

NAMED = ("textbook",)
"""Modules whose causes are asked for here; finding them takes as long again as finding that something is wrong."""

WITHOUT_AUTODIFF: frozenset[str] = frozenset()
"""Right layers that autodiff cannot see into, by design."""


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if path.name != "__init__.py")


def run(path: Path, seed: int, *, diagnose: bool = False) -> Report:
    settings = Settings(shrink=False, diagnose=diagnose)
    return check_targets([Target(path)], CheckOptions(InputOptions(seed=seed, draws=DRAWS), settings))


def has_its_witnesses(layer: LayerReport) -> bool:
    """Whether all three spoke. Autodiff of a trace whose values are not the forward's own is none."""
    expected = {"yours", "autodiff", "finite differences"} - ({"autodiff"} if layer.name in WITHOUT_AUTODIFF else set())
    return set(layer.witnesses) == expected


def said(layer: LayerReport) -> str:
    findings = "; ".join(f"{finding.code} {finding.message}" for finding in layer.findings)
    return f"{layer.name} ({layer.status}): {findings or layer.notes}"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("path", modules(CORRECT), ids=lambda path: path.stem)
def test_every_right_layer_passes(path, seed):
    report = run(path, seed)
    assert not report.errors
    wrong = [said(layer) for layer in report.layers if layer.status is not Status.PASS]
    assert not wrong, "\n".join(wrong)
    blind = [said(layer) for layer in report.layers if not has_its_witnesses(layer)]
    assert not blind, "\n".join(blind)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("path", modules(BROKEN), ids=lambda path: path.stem)
def test_every_planted_bug_is_found(path, seed):
    report = run(path, seed)
    missed = [f"{bug.name}: {bug.what}" for bug in planted_in(path) if not is_found(bug, report)]
    assert not missed, "\n".join([*missed, *(said(layer) for layer in report.layers)])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", [path.stem for path in modules(BROKEN)] if "GRADCHECK_SEEDS" in os.environ else NAMED)
def test_every_planted_cause_is_named(name, seed):
    path = BROKEN / f"{name}.py"
    report = run(path, seed, diagnose=True)
    missed = [f"{bug.name}: {bug.what} ({bug.code})" for bug in planted_in(path) if not is_named(bug, report)]
    assert not missed, "\n".join([*missed, *(said(layer) for layer in report.layers)])


def test_nearly_all_right_layers_have_three_witnesses():
    """At least 95 %: what is not excepted above has them all, or the test of its module fails."""
    names = [layer.name for _, layer in find_layers([Target(path) for path in modules(CORRECT)]).layers]
    assert set(names) >= WITHOUT_AUTODIFF
    assert sum(name in WITHOUT_AUTODIFF for name in names) <= 0.05 * len(names)
