from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.layer import Convention, Role

X, W, B = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4) + 1, np.arange(4.0)
DOUT = np.ones((2, 4))


def test_a_loss_returns_its_gradients_by_name_or_position(write: Any) -> None:
    written = write(
        """
        def softmax_loss(x, y):
            loss, dx = x.sum(), 2 * x
            return loss, dx
        def svm_loss_naive(W, X, y, reg):
            loss, dW = X.sum(), 3 * W
            return loss, dW
        def mse_loss(pred, target):
            return pred.sum(), 4 * pred
        def both_loss(a, b):
            loss, da, db = 0.0, 5 * a, 6 * b
            return loss, db, da
        def hinge_loss(x, y=None, reg=0.1):
            if y is None:
                return x
            dx = np.zeros_like(x)
            return x.sum(), dx / len(x)
        def two_layer_net(X, model, y=None, reg=0.0):
            W1 = model["W1"]
            loss = 1.0
            grads = {}
            grads["W1"] = 7 * W1
            return loss, grads
        def accuracy_loss(x): return x.sum(), x.argmax()
        def sum_loss(x): return x.sum()
        """
    )
    assert {layer.convention for layer in written.discovery.layers} == {Convention.LOSS}
    assert all(layer.unit_upstream for layer in written.discovery.layers)
    y = np.array([0, 1])
    assert written.run("softmax_loss", x=X, y=y)[1].gradients["x"][0, 1] == 2
    naive = written.layer("svm_loss_naive")
    assert [(item.name, item.role, item.differentiated) for item in naive.arguments] == [
        ("W", Role.INPUT, True),
        ("X", Role.INPUT, False),
        ("y", Role.INPUT, False),
        ("reg", Role.CONFIG, True),
    ]
    assert set(written.run("svm_loss_naive", W=W, X=X, y=y, reg=0.1)[1].gradients) == {"W"}
    assert written.run("mse_loss", pred=X, target=X)[1].gradients["pred"][0, 1] == 4
    both = written.run("both_loss", a=X, b=X)[1].gradients
    assert (both["a"][0, 1], both["b"][0, 1]) == (5, 6)
    assert written.run("two_layer_net", X=X, model={"W1": W})[1].gradients["model"]["W1"][0, 0] == 7
    assert "hinge_loss" in written.names
    assert "sum_loss" not in written.names and "accuracy_loss" in written.names


def test_a_loss_that_returns_none_is_an_error(write: Any) -> None:
    written = write("def my_loss(x, y):\n    if x is y:\n        return loss, dx\n")
    with pytest.raises(UserError, match="returned None") as caught:
        written.run("my_loss", x=X, y=np.array([0, 1]))
    assert "return loss, dx" in (caught.value.mend or "")


def test_closures_as_functions_and_as_objects(write: Any) -> None:
    written = write(
        """
        def linear(X, W, b):
            Y = X @ W + b
            def backprop(dY):
                return dY @ W.T, X.T @ dY, dY.sum(0)
            return Y, backprop
        def swish(x, is_train=True):
            return 2 * x, lambda dout: 2 * dout
        def two(x):
            def back(da, db):
                return da + 5 * db
            return x, 5 * x, back
        class Scale:
            def __init__(self, g):
                self.g = g
                self.dg = None
            def __call__(self, X, is_train=False):
                def backprop(dY):
                    self.dg = (dY * X).sum(0)
                    return dY * self.g
                return X * self.g, backprop
        def decorator(f):
            def wrapper(*args): return f(*args)
            return wrapper
        def factory(x):
            def helper(k): return k
            return x, helper
        """
    )
    assert written.names == ["linear", "swish", "two", "Scale"]
    assert {layer.convention for layer in written.discovery.layers} == {Convention.CLOSURE}
    _, gradients = written.run("linear", X=X, W=W, b=B)
    np.testing.assert_array_equal(gradients.gradients["W"], X.T @ DOUT)
    assert gradients.expected == 3
    assert written.run("swish", x=X)[1].gradients["x"][0, 0] == 2
    result, gradients = written.run("two", x=X)
    assert len(result.outputs) == 2 and gradients.gradients["x"][0, 0] == 6
    _, gradients = written.run("Scale", g=np.ones(3), X=X)
    np.testing.assert_array_equal(gradients.gradients["g"], X.sum(0))
    assert written.layer("Scale").arguments[2].role is Role.CONFIG


def test_a_closure_that_returns_no_function_is_an_error(write: Any) -> None:
    written = write(
        "def f(x):\n    def backprop(d): return d\n    if x.size:\n        return x, 1\n    return x, backprop\n"
    )
    with pytest.raises(UserError, match="no function last") as caught:
        written.run("f", x=X)
    assert caught.value.mend == "`return out, backprop`"


@pytest.mark.parametrize("name", ["map_back", "callback", "step"])
def test_a_function_that_returns_another_one_is_no_layer_for_that(write: Any, name: str) -> None:
    written = write(f"def f(x):\n    def {name}(z): return z * x\n    return x * x, {name}\n")
    assert not find(written.module).layers


@pytest.mark.parametrize("name", ["back", "backprop", "x_backward", "pull_back", "bwd"])
def test_a_closure_is_known_by_the_name_of_what_it_returns(write: Any, name: str) -> None:
    written = write(f"def f(x):\n    def {name}(z): return z * x\n    return x * x, {name}\n")
    assert [layer.name for layer in find(written.module).layers] == ["f"]


def test_static_pairs_share_a_context(write: Any) -> None:
    written = write(
        """
        class Function: pass
        class Linear(Function):
            @staticmethod
            def forward(ctx, x, weight, bias=None):
                ctx.save_for_backward(x, weight)
                ctx.extra = 1
                ctx.mark_non_differentiable(x)
                assert ctx.needs_input_grad == (True, True, True)
                return x @ weight + bias
            @staticmethod
            def backward(ctx, grad_output):
                x, weight = ctx.saved_tensors
                assert ctx.extra == 1
                grad_x = grad_weight = grad_bias = None
                if ctx.needs_input_grad[0]:
                    grad_x = grad_output @ weight.T
                grad_weight = x.T @ grad_output
                grad_bias = grad_output.sum(0)
                return grad_x, grad_weight, grad_bias
        class Variadic:
            @staticmethod
            def forward(ctx, *inputs):
                a, b = inputs
                ctx.kept = inputs
                return a * b, a + b
            @staticmethod
            def backward(ctx, *grads):
                a, b = ctx.kept
                g, h = grads
                return g * b + h, g * a + h
        class Clamp:
            @staticmethod
            def forward(ctx, x, low=0.0):
                return x
            @staticmethod
            def backward(ctx, g):
                return g, None
        class Plain:
            @staticmethod
            def forward(x): return 3 * x, x
            @staticmethod
            def backward(dout, cache): return 3 * dout
        """
    )
    assert written.names == ["Linear", "Variadic", "Clamp", "Plain"]
    conventions = [layer.convention for layer in written.discovery.layers]
    assert conventions == [*[Convention.STATIC_PAIR] * 3, Convention.FUNCTION_PAIR]
    assert [item.name for item in written.layer("Linear").arguments] == ["x", "weight", "bias"]
    _, gradients = written.run("Linear", x=X, weight=W, bias=B)
    np.testing.assert_array_equal(gradients.gradients["bias"], DOUT.sum(0))
    assert [item.name for item in written.layer("Variadic").arguments] == ["a", "b"]
    result, gradients = written.run("Variadic", a=X, b=3 * X)
    assert len(result.outputs) == 2
    np.testing.assert_array_equal(gradients.gradients["b"], X + 1)
    clamp = written.run("Clamp", x=X)[1]
    assert clamp.returned == clamp.expected
    assert written.run("Plain", x=X)[1].gradients["x"][0, 0] == 3


def test_a_context_gives_what_was_kept_and_nothing_else(write: Any) -> None:
    written = write(
        """
        class F:
            @staticmethod
            def forward(ctx, x): return x
            @staticmethod
            def backward(ctx, g): return ctx.never_set * g
        """
    )
    with pytest.raises(UserError, match="never_set") as caught:
        written.run("F", x=X)
    assert caught.value.line == 7


@pytest.mark.parametrize(("second", "found"), [("g_real, g_fake", ["critic_loss"]), ("real, fake", [])])
def test_gradients_that_are_named_by_a_letter(write: Any, second: str, found: list[str]) -> None:
    written = write(
        f"""
        def critic_loss(d_real, d_fake):
            real, fake = g_real, g_fake = -np.ones_like(d_real), np.ones_like(d_fake)
            return d_fake.sum() - d_real.sum(), {second}
        """
    )
    assert written.names == found
