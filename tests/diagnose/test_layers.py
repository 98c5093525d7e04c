"""Softmax, cross-entropy, attention and an LSTM over time: right they pass; with terms dropped, their lines are named.

A sample: `benchmarks/blame.py` goes through all terms in NumPy and in JAX, and through all pairs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status
from tests.thorough import THOROUGH

from .blocks import BATCHNORM, DEEP, RESNEXT, Block
from .layers import ATTENTION, CROSS_ENTROPY, LSTM, LSTM_SCAN, SOFTMAX
from .test_blocks import checked, only_finding

DROPPED = [
    *((block, "np", term) for block in (SOFTMAX, CROSS_ENTROPY, ATTENTION) for term in block.terms),
    *((LSTM, "np", term) for term in ("cell", "input_gate")),
    (SOFTMAX, "jnp", "normaliser"),
    *(((LSTM_SCAN, "jnp", "state"),) if THOROUGH else ()),
]
TOGETHER = [
    (RESNEXT, "first+third"),
    (BATCHNORM, "variance+mean"),
    (DEEP, "gate+inner"),
    (ATTENTION, "normaliser+key"),
    (ATTENTION, "query+value"),
]


@pytest.mark.parametrize("block", [SOFTMAX, CROSS_ENTROPY, ATTENTION, LSTM], ids=lambda block: block.name)
def test_a_right_layer_passes(block: Block, tmp_path: Path) -> None:
    layer = checked(tmp_path, block.source("np"))
    assert (layer.status, layer.findings) == (Status.PASS, ())


@pytest.mark.parametrize(("block", "library", "term"), DROPPED, ids=lambda part: getattr(part, "name", part))
def test_a_dropped_path_is_named(block: Block, library: str, term: str, tmp_path: Path) -> None:
    source = block.source(library, term)
    use = block.use(source, term)
    finding = only_finding(checked(tmp_path, source))
    assert finding.blame is not None, finding.message
    assert (finding.code, finding.blame.factor) == ("GC209", -1)
    assert (finding.blame.line, finding.blame.expression, finding.blame.operand) == (
        use.line,
        use.expression,
        use.operand,
    )


@pytest.mark.parametrize(("block", "terms"), TOGETHER, ids=lambda part: getattr(part, "name", part))
def test_two_dropped_paths_are_both_named(block: Block, terms: str, tmp_path: Path) -> None:
    source = block.source("np", terms)
    first, second = checked(tmp_path, source).findings
    assert {first.code, second.code} == {"GC209"}
    assert first.blame is not None and second.blame is not None
    assert {first.blame.line, second.blame.line} == {block.use(source, term).line for term in terms.split("+")}
    assert second.message.startswith("besides, your ")


@pytest.mark.parametrize(
    ("text", "right", "turns"),
    [
        ("dh_next, dc_next = da @ Wh.T, -dc * f", "dh_next, dc_next = da @ Wh.T, dc * f", "in every turn"),
        ("dWh = h.T @ da", "dWh = dWh + h.T @ da", "in all turns but the first"),
        ("dWh = dWh + (h.T @ da if t + 1 < len(steps) else 0)", "dWh = dWh + h.T @ da", "in the last turn (t = "),
    ],
)
def test_the_turns_of_a_loop_are_told(text: str, right: str, turns: str, tmp_path: Path) -> None:
    source = LSTM.source("np")
    assert right in source
    finding = only_finding(checked(tmp_path, source.replace(right, text)))
    assert turns in finding.message
    assert finding.blame is not None
    line = LSTM.use(source, "state" if "dWh" in right else "cell").line
    assert finding.blame.line == line
