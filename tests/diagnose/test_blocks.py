"""Blocks with several paths: right they pass; with any one term dropped, doubled or re-signed, its use is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Finding, LayerReport, Status
from tests.thorough import each

from .blocks import BLOCKS, RESNEXT, Block

LIBRARIES = ("np", "jnp")
EDGES = [(block, term) for block in BLOCKS for term in block.terms]
DROPPED = [*((*edge, "np") for edge in each(2, EDGES)), *((*edge, "jnp") for edge in each(6, EDGES))]
"""`benchmarks/blame.py` goes through all of them in JAX too."""


def checked(folder: Path, source: str) -> LayerReport:
    """The report on the only layer of a module with this text."""
    path = folder / "block.py"
    path.write_text(source)
    # two draws are what a cause needs; the third is a batch of one
    options = CheckOptions(InputOptions(draws=2), Settings(shrink=False))
    (layer,) = check_targets([Target(path)], options).layers
    return layer


def only_finding(layer: LayerReport) -> Finding:
    """The finding, where one cause gave one."""
    (finding,) = layer.findings
    return finding


@pytest.mark.parametrize(
    ("block", "library"), [*((block, "np") for block in BLOCKS), (BLOCKS[0], "jnp")], ids=lambda part: str(part)[:20]
)
def test_a_right_block_passes(block: Block, library: str, tmp_path: Path) -> None:
    layer = checked(tmp_path, block.source(library))
    assert layer.status is Status.PASS
    assert layer.findings == ()


@pytest.mark.parametrize(("block", "term", "library"), DROPPED, ids=lambda part: getattr(part, "name", part))
def test_a_dropped_path_is_named(block: Block, term: str, library: str, tmp_path: Path) -> None:
    source = block.source(library, term)
    use = block.use(source, term)
    finding = only_finding(checked(tmp_path, source))
    assert finding.code == "GC209", finding.message
    blame = finding.blame
    assert blame is not None
    assert (blame.line, blame.expression, blame.operand) == (use.line, use.expression, use.operand)
    assert blame.factor == -1
    assert blame.explains > 1 - 1e-9
    assert f"no contribution through `{use.operand}` in `{use.expression}` (line {use.line}): " in finding.message
    assert "that path must be added; " in finding.message
    assert use.expression in blame.source


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("factor", "words"), [(2, "twice"), (-1, "the wrong sign"), (0.5, "half"), (3, "3 times")])
@pytest.mark.parametrize(("block", "term"), [(RESNEXT, "second")], ids=lambda part: str(part)[:12])
def test_a_scaled_path_is_named(
    block: Block, term: str, factor: float, words: str, library: str, tmp_path: Path
) -> None:
    source = block.source(library, term, factor)
    use = block.use(source, term)
    finding = only_finding(checked(tmp_path, source))
    assert finding.code == "GC210", finding.message
    assert finding.blame is not None
    assert (finding.blame.line, finding.blame.expression) == (use.line, use.expression)
    assert finding.blame.factor == pytest.approx(factor - 1, rel=1e-9)
    assert words in finding.message
