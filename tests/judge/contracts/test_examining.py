from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.judge.contracts import examining
from gradcheck_cli.report.model import Status
from tests.judge.contracts.reports import only, pair, report_on

BOTH = pair("return x ** 2, x", "dout *= 2\nreturn np.clip(cache * dout, -50, 50)")


def test_everything_that_is_examined_is_said(tmp_path: Path) -> None:
    layer = report_on(tmp_path, pair("return x ** 2, x", "return 2 * cache * dout"))
    assert layer.status is Status.PASS
    assert set(layer.checked) >= {
        "inputs unchanged",
        "repeatable",
        "linear in the upstream gradient",
        "no stale cache",
        "any memory layout",
        "upstream of another dtype",
    }


def test_two_causes_are_two_findings(tmp_path: Path) -> None:
    assert {finding.code for finding in report_on(tmp_path, BOTH).findings} == {"GC302", "GC304"}


def test_a_slow_layer_is_looked_at_for_what_it_writes_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "LONGEST_RUN", 0.0)
    layer = report_on(tmp_path, BOTH)
    assert only(layer).code == "GC302"
    assert any("only what they write into was examined" in note for note in layer.notes)


def test_what_there_was_no_time_for_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "LONGEST", 0.0)
    layer = report_on(tmp_path, BOTH)
    assert only(layer).code == "GC302"
    assert any("linearity, stale caches" in note for note in layer.notes)


def test_code_that_fails_the_second_time(tmp_path: Path) -> None:
    text = pair(
        "CALLS.append(1)\nif len(CALLS) > 12: raise RuntimeError('worn out')\nreturn 2 * x, None",
        "return 2 * dout",
        before="CALLS = []",
    )
    layer = report_on(tmp_path, text)
    assert layer.status in (Status.FAIL, Status.ERROR)
    assert {finding.code for finding in layer.findings} <= {"GC305", "GC502", "GC214"}


def test_integer_gradients_are_one_mistake(tmp_path: Path) -> None:
    finding = only(report_on(tmp_path, pair("return 3 * x, None", "return (3 * dout).astype(int)")))
    assert finding.code == "GC104"


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("seed", range(3))
def test_rounding_breaks_no_contract(tmp_path: Path, dtype: str, seed: int) -> None:
    text = pair(
        "s = x - x.max(axis=1, keepdims=True)\ne = np.exp(s)\np = e / e.sum(axis=1, keepdims=True)\nreturn p, p",
        "return cache * (dout - (dout * cache).sum(axis=1, keepdims=True))",
    )
    layer = report_on(tmp_path, text, dtype=dtype, seed=seed, draws=3)
    assert not layer.findings, layer.findings
