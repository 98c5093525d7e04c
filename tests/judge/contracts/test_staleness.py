from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status
from tests.judge.contracts.reports import only, pair, report_on


def test_a_mask_in_the_module(tmp_path: Path) -> None:
    text = pair("KEPT['mask'] = x > 0\nreturn x * KEPT['mask'], None", "return dout * KEPT['mask']", before="KEPT = {}")
    finding = only(report_on(tmp_path, text, draws=3))
    assert (finding.code, finding.argument) == ("GC214", "x")
    assert "the gradient of that other call" in finding.message


def test_what_the_first_call_of_a_size_left(tmp_path: Path) -> None:
    text = pair("return x ** 2, KEPT.setdefault(x.shape, x.copy())", "return 2 * cache * dout", before="KEPT = {}")
    codes = {finding.code for finding in report_on(tmp_path, text).findings}
    assert codes & {"GC214", "GC201"}


def test_indices_that_depend_on_the_size_alone_may_be_kept(tmp_path: Path) -> None:
    text = pair(
        "order = KEPT.setdefault(x.shape, np.arange(x.shape[1])[::-1])\nreturn x[:, order], order",
        "dx = np.empty_like(dout)\ndx[:, cache] = dout\nreturn dx",
        before="KEPT = {}",
    )
    assert report_on(tmp_path, text).status is Status.PASS


def test_a_straight_through_gradient_is_the_same_everywhere_and_not_stale(tmp_path: Path) -> None:
    text = pair("return np.round(x), None", "return dout.copy()")
    assert "GC214" not in {finding.code for finding in report_on(tmp_path, text).findings}


@pytest.mark.parametrize("seed", range(8))
def test_one_side_of_two_kinks_is_not_stale(tmp_path: Path, seed: int) -> None:
    """`x >= 0` lets the gradient through at any inputs; at two kinks, moved either way, central differences agree."""
    text = pair("return np.maximum(x, 0).sum(axis=1), x", "return dout[:, None] * (cache >= 0)")
    text += """

def layer_inputs(rng):
    return {"x": rng.permutation([0.0, 0.0, 0.5, 0.75]).reshape(1, 4)}
"""
    assert report_on(tmp_path, text, seed=seed).findings == ()


TWO = """
class Relu:
    {state}

    def forward(self, x):
        '''x: of shape (N, D)'''
        {keep}
        return np.maximum(x, 0)

    def backward(self, dout):
        return dout * self.mask
"""


def test_state_that_two_instances_share(tmp_path: Path) -> None:
    finding = only(report_on(tmp_path, TWO.format(state="mask = None", keep="Relu.mask = x > 0")))
    assert finding.code == "GC214"
    assert "another instance's forward" in finding.message


def test_state_that_stays_from_the_first_call(tmp_path: Path) -> None:
    keep = "self.mask = x > 0 if self.mask is None else self.mask"
    finding = only(report_on(tmp_path, TWO.format(state="mask = None", keep=keep)))
    assert finding.code == "GC214"
    assert "used before" in finding.message


def test_state_that_each_call_replaces(tmp_path: Path) -> None:
    layer = report_on(tmp_path, TWO.format(state="mask = None", keep="self.mask = x > 0"))
    assert layer.status is Status.PASS
    assert "no stale cache" in layer.checked


def test_a_layer_that_remembers_is_another_function_the_second_time(tmp_path: Path) -> None:
    text = """
class Cell:
    def __init__(self):
        self.state = 0.0

    def forward(self, x):
        '''x: of shape (N, D)'''
        self.before = self.state
        self.state = np.tanh(x + self.before)
        return self.state

    def backward(self, dout):
        return dout * (1 - self.state ** 2)
"""
    assert report_on(tmp_path, text).status is Status.PASS


LENGTH = """
class Direction:
    def __init__(self, v):
        '''v: of shape (D, M)'''
        self.v = {v}
        {made}

    def forward(self, x):
        '''x: of shape (N, D)'''
        self.x = x
        self.norm = np.sqrt((self.v**2).sum(axis=0))
        return x @ (self.v / self.norm)

    def backward(self, dout):
        {first}
        dw = self.x.T @ dout
        u = {direction}
        self.dv = (dw - u * (dw * u).sum(axis=0)) / self.norm
        return dout @ u.T
"""
RIGHT = {"v": "v", "made": "pass", "first": "pass", "direction": "self.v / self.norm"}
ONCE = {"first": "self.u = getattr(self, 'u', self.v / self.norm)", "direction": "self.u"}


def test_what_was_made_of_the_parameters_before_they_moved(tmp_path: Path) -> None:
    layer = report_on(tmp_path, LENGTH.format(**{**RIGHT, **ONCE}))
    assert {finding.code for finding in layer.findings} == {"GC214"}
    assert "inputs and parameters, which were changed in place" in layer.findings[0].message


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"v": "v.copy()"},
        {"v": "v.copy()", **ONCE},
        {"v": "np.asfortranarray(v)", "made": "self.size = v.shape"},
        {"made": "self.vt = self.v.T", "direction": "self.vt.T / self.norm"},
    ],
    ids=["as they are", "copied", "copied, so that they cannot move from outside", "in another order", "a view"],
)
def test_parameters_may_move_or_be_the_instances_own(tmp_path: Path, parts: dict[str, str]) -> None:
    assert report_on(tmp_path, LENGTH.format(**{**RIGHT, **parts})).status is Status.PASS


def test_an_instance_with_copies_of_its_own_is_still_used_twice(tmp_path: Path) -> None:
    stale = {"v": "v.copy()", "first": "self.x = self.first = getattr(self, 'first', self.x)"}
    layer = report_on(tmp_path, LENGTH.format(**{**RIGHT, **stale}))
    assert {finding.code for finding in layer.findings} == {"GC214"}
    assert "for the same inputs:" in layer.findings[0].message
