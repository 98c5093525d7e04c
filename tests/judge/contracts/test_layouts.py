from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status
from tests.judge.contracts.reports import only, pair, report_on


def test_a_write_through_a_copy(tmp_path: Path) -> None:
    text = pair(
        "return x ** 2, x", "dx = np.zeros_like(cache)\ndx.reshape(-1)[:] += (2 * cache * dout).reshape(-1)\nreturn dx"
    )
    finding = only(report_on(tmp_path, text))
    assert (finding.code, finding.argument) == ("GC201", "x")
    assert "Fortran-ordered" in finding.message
    assert "right where all arrays are contiguous" in finding.message


def test_memory_read_as_if_contiguous(tmp_path: Path) -> None:
    strided = "np.lib.stride_tricks.as_strided(dout, dout.shape, (dout.shape[1] * dout.itemsize, dout.itemsize))"
    finding = only(report_on(tmp_path, pair("return 3 * x, None", f"return 3 * {strided}")))
    assert finding.code == "GC201"
    assert "`dout`" in finding.message


def test_a_broadcast_upstream_gradient(tmp_path: Path) -> None:
    backward = "return 3 * dout if 0 not in dout.strides else 3 * dout.sum(axis=0, keepdims=True) + 0 * dout"
    finding = only(report_on(tmp_path, pair("return 3 * x, None", backward)))
    assert finding.code == "GC201"
    assert "broadcast view" in finding.message


def test_a_forward_that_reads_memory(tmp_path: Path) -> None:
    forward = "y = np.lib.stride_tricks.as_strided(x, x.shape, (x.shape[1] * 8, 8))\nreturn 2 * y, None"
    codes = {finding.code for finding in report_on(tmp_path, pair(forward, "return 2 * dout")).findings}
    assert codes <= {"GC201"}


def test_a_layer_that_asks_for_contiguous_arrays_says_so(tmp_path: Path) -> None:
    forward = "if not x.flags.c_contiguous: raise ValueError('contiguous arrays only')\nreturn 2 * x, None"
    layer = report_on(tmp_path, pair(forward, "return 2 * dout"))
    assert layer.status is Status.PASS
    assert any("does not run where the inputs are Fortran-ordered" in note for note in layer.notes)


def test_an_upstream_gradient_of_another_dtype(tmp_path: Path) -> None:
    backward = "d = np.round(dout, 1) if dout.dtype == np.float32 else dout\nreturn 2 * cache * d"
    finding = only(report_on(tmp_path, pair("return x ** 2, cache_of(x)", backward, before="cache_of = np.copy")))
    assert finding.code == "GC201"
    assert "float32" in finding.message


def test_an_empty_batch_is_noted_only(tmp_path: Path) -> None:
    backward = "if not len(dout): raise ValueError('empty')\nreturn 2 * dout"
    layer = report_on(tmp_path, pair("return 2 * x, None", backward))
    assert layer.status is Status.PASS
    assert any("empty batch" in note for note in layer.notes)
    other = tmp_path / "weights"
    other.mkdir()
    text = pair(
        "return x @ w, (x, w)",
        "x, w = cache\nreturn dout @ w.T, x.T @ dout if len(x) else np.ones_like(w)",
        arguments="x, w",
    )
    layer = report_on(other, text)
    assert layer.status is Status.PASS
    assert any("`dw` is not zero" in note for note in layer.notes)


def test_a_number_for_integers_is_noted(tmp_path: Path) -> None:
    text = """
def take_forward(x, index):
    '''
    - x: of shape (N, D)
    - index: integer indices of shape (M,), in 0 <= index < N
    '''
    return x[index], (x.shape, index)

def take_backward(dout, cache):
    shape, index = cache
    dx = np.zeros(shape)
    np.add.at(dx, index, dout)
    return dx, {second}
"""
    layer = report_on(tmp_path, text.replace("{second}", "dout.sum(axis=1)"))
    assert any("`index` holds integers" in note for note in layer.notes)
    for second in ("None", "np.zeros(index.shape)"):
        layer = report_on(tmp_path, text.replace("{second}", second))
        assert layer.status is Status.PASS
        assert not any("integers" in note for note in layer.notes)


SUMMED = """
signs = np.where(np.arange(dout.shape[1]) % 2, 1, -1) * np.ones_like(dout)
total = np.cumsum((dout.dtype.type({most}) * signs).ravel(order="K"), dtype=dout.dtype)[-1]
return 2 * dout + total
"""
"""Zero for any upstream gradient, and beyond what the dtype holds on the way, where columns are summed first."""


@pytest.mark.parametrize(("dtype", "most"), [("float16", "6e4"), ("float32", "3e38"), ("float64", "1.5e308")])
def test_a_sum_that_overflows_in_another_order_is_no_mistake_where_numbers_are_that_large(
    tmp_path: Path, dtype: str, most: str
) -> None:
    sizes = {"N": 5, "D": 4}
    layer = report_on(tmp_path, pair("return 2 * x, None", SUMMED.format(most=most)), dtype=dtype, dimensions=sizes)
    # its own values are of size one: there only float16, which has no room, is given the benefit of the doubt
    assert layer.status is (Status.PASS if dtype == "float16" else Status.FAIL)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_another_finite_value_in_another_order_is_a_mistake_in_every_dtype(tmp_path: Path, dtype: str) -> None:
    text = pair("return 2 * x, None", "return 2 * dout if dout.flags.c_contiguous else 3 * dout")
    assert only(report_on(tmp_path, text, dtype=dtype)).code == "GC201"


def test_what_is_not_finite_in_another_order_is_a_mistake_where_there_is_room(tmp_path: Path) -> None:
    text = pair("return 2 * x, None", "return 2 * dout if dout.flags.c_contiguous else dout / 0 * np.inf")
    for dtype in ("float32", "float64", "bfloat16"):
        assert only(report_on(tmp_path, text, dtype=dtype)).code == "GC201"
