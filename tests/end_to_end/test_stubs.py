"""A backward that is not written yet returns None: one GC103 with the line to write, whatever the convention."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status

STUBS = {
    "function pair": """
        def f_forward(x, w):
            '''x: of shape (N, D), w: of shape (D, M)'''
            return x @ w, (x, w)
        def f_backward(dout, cache):
            pass
    """,
    "class": """
        class f:
            '''x: of shape (N, D), w: of shape (D, M)'''
            def __init__(self, w):
                self.w = w
            def forward(self, x):
                self.x = x
                return x @ self.w
            def backward(self, dout):
                pass
    """,
    "closure": """
        def f(x, w):
            '''x: of shape (N, D), w: of shape (D, M)'''
            def backprop(dout):
                pass
            return x @ w, backprop
    """,
    "static pair": """
        class f:
            @staticmethod
            def forward(ctx, x, w):
                '''x: of shape (N, D), w: of shape (D, M)'''
                return x @ w
            @staticmethod
            def backward(ctx, dout):
                return None
    """,
    "loss": """
        def my_loss(x, y):
            '''x: of shape (N, D), y: of shape (N, D)'''
            loss, dx, dy = ((x - y) ** 2).sum(), None, None
            grads = None
            return loss, grads
    """,
    "custom_vjp": """
        import jax
        @jax.custom_vjp
        def f(x, w):
            '''x: of shape (N, D), w: of shape (D, M)'''
            return x @ w
        def f_fwd(x, w):
            return x @ w, (x, w)
        def f_bwd(residuals, dout):
            pass
        f.defvjp(f_fwd, f_bwd)
    """,
}


def checked(folder: Path, source: str) -> LayerReport:
    path = folder / "mylayer.py"
    path.write_text("import numpy as np\n" + textwrap.dedent(source), encoding="utf-8")
    (layer,) = check_targets([Target(path)], CheckOptions(InputOptions(draws=1), Settings(shrink=False))).layers
    return layer


@pytest.mark.parametrize("convention", STUBS)
def test_a_stub_is_one_missing_gradient(tmp_path: Path, convention: str) -> None:
    layer = checked(tmp_path, STUBS[convention])
    assert layer.convention == convention
    assert layer.status is Status.FAIL
    (finding,) = layer.findings
    assert finding.code == "GC103"
    assert "returned None" in finding.message
    assert "stub" in finding.message
    assert "return" in (finding.mend or "")
    assert "dw" in (finding.mend or "") or convention in ("class", "loss")
    assert {argument.status for argument in layer.arguments} == {Status.FAIL}


def test_stored_gradients_are_judged_beside_a_missing_return(tmp_path: Path) -> None:
    body = "self.dw = self.x.T @ dout"
    layer = checked(tmp_path, STUBS["class"].replace("        pass", f"        {body}"))
    assert [(finding.code, finding.argument) for finding in layer.findings] == [("GC103", "x")]
    assert {argument.name: argument.status for argument in layer.arguments} == {"x": Status.FAIL, "w": Status.PASS}
    layer = checked(tmp_path, STUBS["class"].replace("        pass", f"        {body} * 2"))
    assert sorted(finding.code for finding in layer.findings) == ["GC103", "GC202"]


def test_none_where_every_gradient_is_zero_is_right(tmp_path: Path) -> None:
    layer = checked(tmp_path, STUBS["function pair"].replace("return x @ w, (x, w)", "return 0 * (x @ w), (x, w)"))
    assert layer.status is Status.PASS
