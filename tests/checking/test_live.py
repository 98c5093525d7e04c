"""`check(...)` on live functions: right ones pass, planted bugs are found, autodiff sees through NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli import Sequential, check
from gradcheck_cli.layers.explicit import LayerDeclarationError
from gradcheck_cli.report.model import Status


def forward(x, w):
    out = np.zeros((x.shape[0], w.shape[1]))
    for i in range(len(x)):
        out[i] = np.tanh(x[i] @ w)
    return out, (x, w, out)


def backward(dout, cache):
    x, w, out = cache
    d = dout * (1 - out**2)
    return d @ w.T, x.T @ d


def wrong_backward(dout, cache):
    x, w, out = cache
    d = dout * (1 - out)
    return d @ w.T, x.T @ d


class Affine:
    """A textbook layer."""

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T


def test_a_right_pair_passes_with_three_witnesses():
    report = check(forward, backward, {"x": "N,D", "w": "D,M"})
    assert report.passed
    assert report.layers[0].witnesses == ("yours", "autodiff", "finite differences")


def test_a_wrong_pair_fails_on_both_arguments():
    report = check(forward, wrong_backward, {"x": "N,D", "w": "D,M"}, shrink=False)
    assert not report.passed
    assert {argument.name for argument in report.layers[0].arguments if argument.wrong} == {"x", "w"}


def test_given_arrays_are_used_as_they_are():
    x = np.arange(6.0).reshape(2, 3) / 7
    report = check(forward, wrong_backward, {"x": x, "w": np.eye(3)[:, :2] + 0.1}, shrink=False)
    draw = report.layers[0].failing_draw
    assert draw is not None
    np.testing.assert_array_equal(draw.arguments[0].value, x)


def test_a_class_and_a_lambda():
    assert check(Affine, inputs={"x": "N,D", "W": "D,M"}).passed
    assert check(lambda x: (x**3, x), lambda dout, cache: 3 * cache**2 * dout, {"x": "N"}).passed
    assert not check(lambda x: (x**3, x), lambda dout, cache: 2 * cache**2 * dout, {"x": "N"}, shrink=False).passed


def test_a_reference_stands_in_for_what_cannot_be_traced():
    def opaque(x):
        return np.array([float.fromhex(float(v).hex()) ** 2 for v in x.ravel()]).reshape(x.shape), x

    def gradient(dout, x):
        return 2 * x * dout

    without = check(opaque, gradient, {"x": "N,D"}).layers[0]
    assert without.status is Status.PASS
    assert "autodiff" not in without.witnesses
    assert check(opaque, gradient, {"x": "N,D"}, reference=lambda x: x**2).layers[0].witnesses[1] == "autodiff"


def test_a_forward_that_is_not_its_reference_is_a_finding():
    report = check(lambda x: (x**2, x), lambda dout, x: 2 * x * dout, {"x": "N"}, reference=lambda x: x**2 + 1e-3 * x)
    assert [finding.code for finding in report.layers[0].findings] == ["GC307"]
    assert report.layers[0].status is Status.FAIL


def test_a_backward_of_neither_forward_nor_reference_is_wrong_too():
    report = check(lambda x: (x**2, x), lambda dout, x: 3 * x * dout, {"x": "N"}, reference=lambda x: x**2 + 1e-3 * x)
    assert {finding.code for finding in report.layers[0].findings} == {"GC307", "GC201"}


def test_a_slip_in_the_forward_is_one_finding_where_the_backward_is_the_references():
    report = check(lambda x: (2 * x**2, x), lambda dout, x: 2 * x * dout, {"x": "N"}, reference=lambda x: x**2)
    assert [finding.code for finding in report.layers[0].findings] == ["GC307"]


def test_options_reach_the_engine():
    report = check(forward, backward, {"x": "N,D", "w": "D,M"}, draws=1, seed=4, dimensions={"N": 9}, full=True)
    assert report.seed == 4
    assert report.layers[0].draws == 1
    assert check(forward, wrong_backward, {"x": "N,D", "w": "D,M"}, atol=100.0).passed


def test_a_script_is_not_made_where_it_is_not_wanted_and_the_cause_is_named_all_the_same():
    for shrink in (True, False):
        (wrong,) = check(forward, wrong_backward, {"x": "N,D", "w": "D,M"}, draws=1, shrink=shrink).layers
        assert wrong.findings[0].code == "GC208"
        assert bool(wrong.script) is shrink


def test_a_cause_is_not_looked_for_where_it_is_not_wanted():
    (wrong,) = check(forward, wrong_backward, {"x": "N,D", "w": "D,M"}, draws=1, diagnose=False, shrink=False).layers
    assert [(finding.code, finding.argument) for finding in wrong.findings] == [("GC201", "x"), ("GC201", "w")]


def test_a_network_is_refused_with_the_command_for_it():
    with pytest.raises(LayerDeclarationError, match="gradcheck run FILE::net"):
        check(Sequential([Affine(np.ones((3, 3)))]))


def test_misuse_is_said():
    with pytest.raises(LayerDeclarationError, match="takes a function"):
        check(forward, backward(np.ones((2, 2)), (np.ones((2, 3)), np.ones((3, 2)), np.ones((2, 2)))))
    report = check(forward, backward, {"q": "N"})
    assert report.layers[0].status is Status.ERROR
    assert "`q`" in report.layers[0].findings[0].message
