from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status
from tests.judge.contracts.reports import only, pair, report_on

NOT_LINEAR = {
    "clip": "return np.clip(2 * dout, -30, 30)",
    "sign": "return 2 * np.sign(dout)",
    "norm": "return 2 * dout / np.linalg.norm(dout)",
    "mask": "return 2 * dout * (dout > 0)",
    "constant": "return 2 * dout + 1e-4",
    "thresholded": "return np.where(np.abs(dout) > 300, 0, 2 * dout)",
}


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_what_is_not_linear(tmp_path: Path, name: str) -> None:
    finding = only(report_on(tmp_path, pair("return 2 * x, None", NOT_LINEAR[name])))
    assert (finding.code, finding.argument) == ("GC304", "x")
    assert "not linear in the upstream gradient" in finding.message


def test_an_upstream_gradient_that_is_left_out(tmp_path: Path) -> None:
    text = pair("return x @ w, (x, w)", "x, w = cache\nreturn dout @ w.T, x.T @ np.ones_like(dout)", arguments="x, w")
    finding = only(report_on(tmp_path, text))
    assert (finding.code, finding.argument) == ("GC207", "w")
    assert "it is the gradient for an upstream of ones" in finding.message


def test_a_constant_that_is_no_gradient_at_all(tmp_path: Path) -> None:
    finding = only(report_on(tmp_path, pair("return x ** 3, x", "return cache + 5")))
    assert finding.code == "GC207"
    assert "ones" not in finding.message


def test_an_upstream_gradient_that_enters_twice(tmp_path: Path) -> None:
    finding = only(report_on(tmp_path, pair("return x ** 3, x", "return 3 * cache ** 2 * dout * dout")))
    assert finding.code == "GC207"
    assert "twice" in finding.message


def test_a_zero_gradient_ignores_nothing(tmp_path: Path) -> None:
    finding = only(report_on(tmp_path, pair("return x ** 3, x", "return 0 * dout")))
    assert finding.code == "GC209"


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_linear_backward_is_linear_in_every_dtype(tmp_path: Path, dtype: str) -> None:
    text = pair(
        "m = x.mean(axis=0)\nv = x.var(axis=0) + 1\nreturn ((x - m) / np.sqrt(v)).astype(x.dtype), (x, m, v)",
        """
x, m, v = cache
n = x.shape[0]
h = (x - m) / np.sqrt(v)
dx = (n * dout - dout.sum(axis=0) - h * (dout * h).sum(axis=0)) / (n * np.sqrt(v))
return dx.astype(dout.dtype)
""",
    )
    for seed in range(3):
        layer = report_on(tmp_path, text, dtype=dtype, seed=seed)
        assert layer.status is not Status.FAIL, layer.findings


@pytest.mark.parametrize(("function", "codes"), [("np.float32", ["GC101"]), ("np.tanh", ["GC101", "GC304"])])
def test_a_gradient_of_the_wrong_shape_may_be_computed_in_single_precision(
    tmp_path: Path, function: str, codes: list[str]
) -> None:
    dy = f"{function}(dout[..., None] * np.ones(3) / 3).astype(dout.dtype)"
    text = pair("return 2 * x + y, None", f"return 2 * dout, {dy}", arguments="x, y")
    assert [finding.code for finding in report_on(tmp_path, text).findings] == codes


@pytest.mark.parametrize(
    ("backward", "right"),
    [("return dout * 30000 / 15000", True), ("return np.clip(2 * dout, -8, 8)", False)],
)
def test_what_overflows_under_another_upstream_gradient_is_still_linear(
    tmp_path: Path, backward: str, right: bool
) -> None:
    for seed in range(6):
        layer = report_on(tmp_path, pair("return 2 * x, None", backward), dtype="float16", seed=seed)
        codes = {finding.code for finding in layer.findings}
        assert codes == (set() if right else {"GC304"}), layer.findings


def test_a_loss_is_not_asked(tmp_path: Path) -> None:
    text = """
def mse_loss(x, y):
    '''
    - x: of shape (N, D)
    - y: of shape (N, D)
    '''
    return ((x - y) ** 2).sum(), 2 * (x - y)
"""
    layer = report_on(tmp_path, text)
    assert layer.status is Status.PASS
    assert "linear in the upstream gradient" not in layer.checked
