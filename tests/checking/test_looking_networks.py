"""One element of a network's gradient looked at closely: the whole differenced, what each wrong layer adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.checking.contents import contents_of
from gradcheck_cli.checking.element import Element
from gradcheck_cli.checking.layer import Checker
from gradcheck_cli.checking.looking import Look
from gradcheck_cli.checking.options import EditedDraw, Silent
from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.session import Edit
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport
from gradcheck_cli.saved.model import KeptLayer

MODULE = '''
import numpy as np
from gradcheck_cli import Graph

def scale_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D,)
    """
    return x * w, (x, w)
def scale_backward(dout, cache):
    x, w = cache
    return dout * w, 2 * (dout * x).sum(axis=0)

def squash_forward(x):
    """x: of shape (N, D)"""
    y = np.tanh(x)
    return y, y
def squash_backward(dout, y):
    return dout * (1 - y)

def add_forward(a, b):
    """
    - a: of shape (N, D)
    - b: of shape (N, D)
    """
    return a + b, None
def add_backward(dout, cache):
    return dout, dout

net = Graph()
x = net.input("x", "N,3")
scale = net.layer(scale_forward, name="scale")
squash = net.layer(squash_forward, name="squash")
h = squash(scale(x))
net.output(net.layer(add_forward, name="sum")(squash(scale(h)), h))

inside = Graph()
y = inside.input("y", "N,3")
first = inside.layer(squash_forward, name="first")(y)
inside.output(first, inside.layer(squash_forward, name="second")(first))
'''

OPTIONS = InputOptions(draws=1)
SETTINGS = Settings(shrink=False, diagnose=False)


class Checked:
    def __init__(self, path: Path) -> None:
        module, self._contents = contents_of(path)
        assert module is not None
        self._module, self._checker = module, Checker()

    def look(self, name: str, *edits: Edit) -> Look:
        return Look(self._module, self._layer(name), OPTIONS, EditedDraw(0, edits), self._checker.traces)

    def check(self, name: str, *edits: Edit) -> tuple[LayerReport, KeptLayer]:
        edited = EditedDraw(0, edits) if edits else None
        report = self._checker.check(
            self._module, self._layer(name), OPTIONS, SETTINGS, Silent(), keeps=True, edited=edited
        )
        assert self._checker.kept is not None
        return report, self._checker.kept

    def _layer(self, name: str) -> Any:
        (layer,) = (layer for layer in self._contents.layers if layer.name == name)
        return layer


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    path = tmp_path_factory.mktemp("networks") / "module.py"
    path.write_text(MODULE)
    return Checked(path)


def value(kept: KeptLayer, leaf: int, name: str, position: int) -> float:
    array = kept.leaves[leaf].read(name)
    assert array is not None
    return float(array.reshape(-1)[position])


@pytest.mark.parametrize("leaf", [0, 1], ids=["an input", "a shared parameter"])
def test_what_the_wrong_layers_add_is_the_error(checked: Checked, leaf: int) -> None:
    _, kept = checked.check("net")
    assert [each.name for each in kept.leaves] == ["x", "scale.w"]
    look = checked.look("net")
    assert look.digest == kept.draw.digest
    yours, autodiff = (value(kept, leaf, name, 1) for name in ("yours", "autodiff"))
    dug = look.dug(Element(leaf, 1, yours, autodiff), "cpu")
    assert dug.curve is not None and dug.curve.value == pytest.approx(autodiff, abs=1e-7)
    assert dug.growth is not None and dug.why == {}
    names = [each.layer for each in dug.growth]
    assert names == ["squash (2)", "scale (2)", "squash", "scale"]
    assert sum(each.value for each in dug.growth) == pytest.approx(yours - autodiff, abs=1e-12)
    added = {each.layer: each.value for each in dug.growth}
    # what `scale` gets wrong is in its parameter alone, and goes nowhere
    assert (added["scale"] == added["scale (2)"] == 0) is (leaf == 0)
    assert added["squash"] != 0 and added["squash (2)"] != 0


def test_an_output_that_is_used_inside_too_has_no_differences(checked: Checked) -> None:
    dug = checked.look("inside").dug(Element(0, 0), "cpu")
    assert dug.curve is None and "used inside" in dug.why["curve"]
    assert dug.growth is not None and [each.layer for each in dug.growth] == ["second", "first"]


def test_values_of_a_network_are_set_by_hand_and_go_through_all_of_it(checked: Checked) -> None:
    _, before = checked.check("net")
    edits = (Edit("scale.w", 0, 0.25), Edit("x", 4, 3.0))
    _, kept = checked.check("net", *edits)
    assert kept.draw.digest == checked.look("net", *edits).digest != before.draw.digest
    x, w = (each.array.read() for each in kept.arguments if each.array is not None)
    assert x[1, 1] == 3.0 and w[0] == 0.25
    h = np.tanh(x * w)
    local = 1 - np.tanh(h * w) ** 2
    dug = checked.look("net", *edits).dug(Element(0, 4), "cpu")
    assert dug.curve is not None and dug.curve.value == pytest.approx(value(kept, 0, "autodiff", 4), abs=1e-7)
    # the upstream gradient is the same: it went back through the values that were set
    ratio = (1 - h**2) * w * (1 + local * w)
    other, old_w = (each.array.read() for each in before.arguments if each.array is not None)
    old_h = np.tanh(other * old_w)
    old_ratio = (1 - old_h**2) * old_w * (1 + (1 - np.tanh(old_h * old_w) ** 2) * old_w)
    upstream = value(before, 0, "autodiff", 4) / old_ratio[1, 1]
    assert value(kept, 0, "autodiff", 4) == pytest.approx(upstream * ratio[1, 1])
    with pytest.raises(UserError, match=r"no input `scale\.x`"):
        checked.check("net", Edit("scale.x", 0, 1.0))
