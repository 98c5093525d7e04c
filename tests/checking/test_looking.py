"""One element looked at closely: where the paths of the forward part, what flows along them, the slopes at a kink."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli.checking.contents import contents_of
from gradcheck_cli.checking.element import Element
from gradcheck_cli.checking.looking import Look
from gradcheck_cli.checking.options import EditedDraw
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.session import Dug, Edit
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.tracing.jax_setup import start

MODULE = '''
import numpy as np

def mean_of(values):
    return values.sum(axis=0) / len(values)

def called_forward(x):
    """x: of shape (N, D)"""
    return x - mean_of(x), None
def called_backward(dout, cache):
    return dout

def below_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    """
    h = x @ w
    e = np.exp(h)
    return e * h.sum(axis=0), None
def below_backward(dout, cache):
    return dout, dout

def turns_forward(x, w):
    """
    - x: of shape (T, D)
    - w: of shape (D,)
    """
    h = np.zeros(len(w))
    for row in x:
        h = h * w + row
    return h, None
def turns_backward(dout, cache):
    return dout, dout

def square_forward(x):
    """x: of shape (N,)"""
    return x * x, x
def square_backward(dout, x):
    return 2 * x * dout

def relu_forward(x):
    """x: of shape (N,)"""
    return np.maximum(x, 0), x
def relu_backward(dout, x):
    return dout * (x > 0)

def unused_forward(x, y):
    """
    - x: of shape (N,)
    - y: of shape (N,)
    """
    return 3 * x, None
def unused_backward(dout, cache):
    return 3 * dout, 0 * dout

def half_loss(x, y):
    """
    - x: of shape (N,)
    - y: of shape (N,)
    """
    return 0.5 * np.sum((x - y) ** 2), x - y

def opaque_forward(x):
    """x: of shape (N,)"""
    return np.frombuffer(x.tobytes(), x.dtype) ** 2, x
def opaque_backward(dout, x):
    return 2 * x * dout
'''


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("looking") / "module.py"
    path.write_text(MODULE)
    return path


@pytest.fixture(scope="module")
def traces() -> Traces:
    start("cpu")
    return Traces("cpu")


def look(path: Path, traces: Traces, name: str, *edits: Edit, inputs: InputOptions | None = None) -> Look:
    module, contents = contents_of(path)
    assert module is not None
    (layer,) = (layer for layer in contents.layers if layer.name == name)
    return Look(module, layer, inputs or InputOptions(), EditedDraw(0, edits), traces)


def paths(dug: Dug) -> dict[str, float]:
    assert dug.contributions is not None, dug.why
    assert len({(each.expression, each.line) for each in dug.contributions}) == len(dug.contributions)
    return {each.expression: each.value for each in dug.contributions}


def test_a_function_that_is_handed_the_value_is_told_by_its_call(path: Path, traces: Traces) -> None:
    dug = look(path, traces, "called").dug(Element(0, 1), "cpu")
    assert set(paths(dug)) == {"x - mean_of(x)", "mean_of(x)"}
    assert dug.curve is not None and sum(paths(dug).values()) == pytest.approx(dug.curve.value, abs=1e-7)


def test_paths_part_below_where_all_of_them_go_the_same_way_first(path: Path, traces: Traces) -> None:
    found = look(path, traces, "below")
    for leaf in (0, 1):
        dug = found.dug(Element(leaf, 2), "cpu")
        assert set(paths(dug)) == {"np.exp(h)", "h.sum(axis=0)"}
        assert dug.curve is not None and sum(paths(dug).values()) == pytest.approx(dug.curve.value, abs=1e-6)


def test_the_turns_of_a_loop_are_one_path(path: Path, traces: Traces) -> None:
    found = look(path, traces, "turns")
    assert set(paths(found.dug(Element(1, 0), "cpu"))) == {"h * w"}
    dug = found.dug(Element(0, 0), "cpu")
    assert dug.curve is not None and sum(paths(dug).values()) == pytest.approx(dug.curve.value, abs=1e-7)


def test_one_expression_is_one_path_however_often_it_uses_the_value(path: Path, traces: Traces) -> None:
    dug = look(path, traces, "square").dug(Element(0, 0, yours=0.0, autodiff=None), "cpu")
    assert set(paths(dug)) == {"x * x"}
    assert dug.contributions is not None and not dug.contributions[0].is_missing


def test_what_is_missing_is_the_path_that_makes_up_the_error(path: Path, traces: Traces) -> None:
    found = look(path, traces, "called")
    known = paths(found.dug(Element(0, 1), "cpu"))
    gradient = sum(known.values())
    for missing in known:
        yours = gradient - known[missing]
        dug = found.dug(Element(0, 1, yours, gradient, 1e-9), "cpu")
        assert dug.contributions is not None
        assert [each.expression for each in dug.contributions if each.is_missing] == [missing]
    for yours in (gradient, gradient - 0.5 * known["mean_of(x)"], gradient + known["mean_of(x)"], float("nan")):
        dug = found.dug(Element(0, 1, yours, gradient, 1e-9), "cpu")
        assert dug.contributions is not None and not any(each.is_missing for each in dug.contributions)


def test_at_a_kink_the_two_sides_differ(path: Path, traces: Traces) -> None:
    dug = look(path, traces, "relu", Edit("x", 0, 0.0), Edit("dout", 0, 4.0)).dug(Element(0, 0), "cpu")
    assert dug.curve is not None
    assert dug.curve.forward == pytest.approx(4.0) and dug.curve.backward == pytest.approx(0.0, abs=1e-9)
    smooth = look(path, traces, "relu", Edit("x", 0, 1.0), Edit("dout", 0, 4.0)).dug(Element(0, 0), "cpu")
    assert smooth.curve is not None
    assert smooth.curve.forward == pytest.approx(4.0) and smooth.curve.backward == pytest.approx(4.0)


def test_what_does_not_add_up_is_not_told(path: Path, traces: Traces) -> None:
    dug = look(path, traces, "square").dug(Element(0, 0, autodiff=1234.5), "cpu")
    assert dug.contributions is None and "does not add up" in dug.why["contributions"]
    assert dug.curve is not None and dug.curve.reference == 1234.5


def test_an_input_that_nothing_depends_on_has_no_paths(path: Path, traces: Traces) -> None:
    dug = look(path, traces, "unused").dug(Element(1, 0, 0.0, 0.0, 1e-12), "cpu")
    assert dug.contributions == () and dug.curve is not None and dug.curve.value == 0


def test_a_forward_that_cannot_be_followed_has_differences_all_the_same(path: Path, traces: Traces) -> None:
    dug = look(path, traces, "opaque").dug(Element(0, 0), "cpu")
    assert dug.contributions is None and "cannot be followed" in dug.why["contributions"]
    assert dug.curve is not None and dug.curve.plateau is not None


def test_complex_elements_are_refused(path: Path, traces: Traces) -> None:
    dug = look(path, traces, "square", inputs=InputOptions(dtype="complex128")).dug(Element(0, 0), "cpu")
    assert dug.curve is None and dug.contributions is None
    assert all("real" in why for why in dug.why.values())


def test_edits_keep_what_they_do_not_set(path: Path, traces: Traces) -> None:
    plain, edited = look(path, traces, "below"), look(path, traces, "below", Edit("w", 3, 9.0))
    assert plain.digest == look(path, traces, "below").digest != edited.digest
    with pytest.raises(UserError, match="no element 99"):
        look(path, traces, "below", Edit("w", 99, 1.0))
    with pytest.raises(UserError, match="the upstream gradient of `half_loss` is 1"):
        look(path, traces, "half_loss", Edit("dout", 0, 2.0))
    assert np.isfinite(paths(edited.dug(Element(1, 3), "cpu"))["np.exp(h)"])
