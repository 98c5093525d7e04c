"""The whole line on our own modules: every right layer passes, every planted bug gets the code its mark names.

One seed here; `GRADCHECK_SEEDS=0-19 pytest tests/end_to_end/test_fixtures.py` runs twenty.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Report, Status
from tests.fixtures.expectations import BROKEN, CORRECT, is_found, planted_in

FIRST, _, LAST = os.environ.get("GRADCHECK_SEEDS", "0").partition("-")
SEEDS = range(int(FIRST), int(LAST or FIRST) + 1)

WITHOUT_AUTODIFF = frozenset({"opaque_kernel"})
"""Right layers that autodiff cannot see into, by design."""


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if path.name != "__init__.py")


@cache
def run(path: Path, seed: int) -> Report:
    """One run for all tests of this process."""
    return check_targets([Target(path)], CheckOptions(InputOptions(seed=seed)))


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


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("path", modules(BROKEN), ids=lambda path: path.stem)
def test_every_planted_bug_is_found(path, seed):
    report = run(path, seed)
    missed = [f"{bug.name}: {bug.what}" for bug in planted_in(path) if not is_found(bug, report)]
    assert not missed, "\n".join([*missed, *(said(layer) for layer in report.layers)])


def test_right_layers_have_three_witnesses():
    """At least 95 % of the NumPy fixtures are traced; none of those has an autodiff that does not match (it would not
    be a witness)."""
    layers = [layer for path in modules(CORRECT) if "jax" not in path.stem for layer in run(path, SEEDS[0]).layers]
    seen = [layer for layer in layers if "autodiff" in layer.witnesses]
    assert len(seen) >= 0.95 * len(layers), [said(layer) for layer in layers if layer not in seen]
