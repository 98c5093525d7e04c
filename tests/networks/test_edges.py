"""Residual and ResNeXt blocks: right ones pass, and of wrong ones the edge is named along which nothing goes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.checking.options import CheckOptions, Target
from gradcheck_cli.checking.targets import check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status
from tests.networks.blocks import BLOCKS, Edge, edges, source
from tests.thorough import each

LIBRARIES = ("numpy", "jax")
DROPPED = [
    (block, library, edge)
    for block in BLOCKS
    for library, count in zip(LIBRARIES, (1, 4))
    for edge in each(count, list(edges(block)))
]


def checked(folder: Path, text: str, name: str = "net") -> LayerReport:
    module = folder / "block.py"
    module.write_text(text)
    report = check_targets([Target(module, name)], CheckOptions(InputOptions(draws=1), Settings(shrink=False)))
    assert not report.errors
    return report.layers[0]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_right_block_passes(block: str, library: str, tmp_path: Path) -> None:
    report = checked(tmp_path, source(block, library))
    assert report.status is Status.PASS
    assert report.network is not None
    assert [stage.status for stage in report.network.stages] == [Status.PASS] * len(BLOCKS[block])
    assert all(flow.error is not None and flow.error < 1e-14 for stage in report.network.stages for flow in stage.flows)
    assert report.network.difference is not None
    assert report.network.slope == pytest.approx(report.network.difference, abs=report.network.bar)


@pytest.mark.parametrize(("block", "library", "edge"), DROPPED, ids=str)
def test_the_edge_is_named_along_which_nothing_goes_back(block: str, library: str, edge: Edge, tmp_path: Path) -> None:
    giver, use = edge
    report = checked(tmp_path, source(block, library, edge))
    assert report.status is Status.FAIL
    assert report.network is not None
    assert report.network.first_wrong == use
    assert f"nothing goes back along the edge `{giver}` → `{use}`" in report.findings[0].message
    wrong = {stage.name for stage in report.network.stages if stage.status is not Status.PASS}
    assert wrong == {use}
    lines = (tmp_path / "block.py").read_text().splitlines()
    assert lines[(report.findings[0].line or 0) - 1].startswith(
        f"def {use}_layer_{'backward' if library == 'numpy' else 'bwd'}"
    )
    fan_out = sum(giver == other for other, _ in edges(block))
    assert (f"one of the {fan_out} that add up at `{giver}`" in report.findings[0].message) == (fan_out > 1)
