from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status
from tests.judge.contracts.reports import line_of, only, pair, report_on


def test_an_input_that_the_forward_changes_is_found_on_its_line(tmp_path: Path) -> None:
    text = pair("scale = 2.0\nx *= scale\nreturn x, scale", "return dout * cache")
    finding = only(report_on(tmp_path, text))
    assert (finding.code, finding.argument) == ("GC301", "x")
    assert finding.line == line_of(tmp_path, "x *= scale")
    assert "the forward changes its input `x`" in finding.message
    assert "x.copy()" in (finding.mend or "")


def test_nan_that_was_overwritten_counts(tmp_path: Path) -> None:
    text = pair("x[0, 0] = np.nan\nx[0, 0] = 1.0\nreturn 0 * x + 1, x.shape", "return np.zeros(cache)")
    assert "GC301" in {finding.code for finding in report_on(tmp_path, text).findings}


def test_an_input_that_the_backward_changes(tmp_path: Path) -> None:
    text = pair("return x ** 2, x", "dx = 2 * cache * dout\ncache += 1\nreturn dx")
    finding = only(report_on(tmp_path, text))
    assert (finding.code, finding.line) == ("GC301", line_of(tmp_path, "cache += 1"))
    assert "the backward changes its input `x`" in finding.message


def test_the_upstream_gradient(tmp_path: Path) -> None:
    text = pair("return x * (x > 0), x", "dx = dout\ndx[cache < 0] = 0\nreturn dx")
    finding = only(report_on(tmp_path, text, draws=3))
    assert (finding.code, finding.argument) == ("GC302", None)
    assert finding.line == line_of(tmp_path, "dx[cache < 0] = 0")
    assert "`dout`" in finding.message


def test_a_write_that_happens_to_change_nothing(tmp_path: Path) -> None:
    text = pair("return 3 * x, None", "dout *= 1.0\nreturn 3 * dout")
    finding = only(report_on(tmp_path, text))
    assert (finding.code, finding.line) == ("GC302", line_of(tmp_path, "dout *= 1.0"))
    text = pair("np.add(x, 0.0, out=x)\nreturn 3 * x, None", "return 3 * dout")
    finding = only(report_on(tmp_path, text))
    assert (finding.code, finding.argument) == ("GC301", "x")


def test_a_leaf_of_a_dictionary_and_a_list_that_grows(tmp_path: Path) -> None:
    shapes = '"""\n    - x: of shape (N, D)\n    - params: dictionary with the keys:\n      - s: of shape (D,)\n    """'
    text = f"""
def f_forward(x, params):
    {shapes}
    return x * params["s"], (x, params)

def f_backward(dout, cache):
    x, params = cache
    dx = dout * params["s"]
    params["s"] = -params["s"]
    return dx, {{"s": (dout * x).sum(axis=0)}}
"""
    finding = only(report_on(tmp_path, text))
    assert (finding.code, finding.argument) == ("GC301", "params['s']")


RIGHT = {
    "a copy": pair("x = x.copy()\nx[x < 0] = 0\nreturn x, x", "dx = dout.copy()\ndx[cache <= 0] = 0\nreturn dx"),
    "returned as it is": pair("return x + 1, None", "return dout"),
    "both the same": pair("return x + y, None", "return dout, dout", arguments="x, y"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_changes_nothing_passes(tmp_path: Path, name: str) -> None:
    layer = report_on(tmp_path, RIGHT[name])
    assert layer.status is Status.PASS, layer.findings
    assert "inputs unchanged" in layer.checked


def test_a_step_with_the_weights_is_none_of_its_mistakes_but_another_change_is(tmp_path: Path) -> None:
    template = """
class Dense:
    def __init__(self, W):
        '''W: of shape (D, M)'''
        self.W = W

    def forward(self, x):
        '''x: of shape (N, D)'''
        self.x = x
        return x @ self.W

    def backward(self, dout):
        dx = dout @ self.W.T
        self.dW = self.x.T @ dout
        self.W -= {change}
        return dx
"""
    assert report_on(tmp_path, template.format(change="0.1 * self.dW")).status is Status.PASS
    other = tmp_path / "other"
    other.mkdir()
    finding = only(report_on(other, template.format(change="0.1 * self.W")))
    assert (finding.code, finding.argument) == ("GC301", "W")
    assert "its parameter `W`" in finding.message


def test_a_parameter_of_its_own_that_is_replaced(tmp_path: Path) -> None:
    text = """
class Dense:
    def __init__(self, inputs, outputs):
        self.W = np.random.randn(inputs, outputs)

    def forward(self, x):
        '''x: of shape (N, inputs)'''
        self.x = x
        out = x @ self.W
        self.W = 2 * self.W
        return out

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T / 2
"""
    assert ("GC301", "W") in {(found.code, found.argument) for found in report_on(tmp_path, text).findings}
