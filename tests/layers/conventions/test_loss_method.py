from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.layer import Convention, Role

X = np.arange(6.0).reshape(2, 3)
W = np.arange(12.0).reshape(3, 4) + 1

LINEAR = """
class Net:
    def __init__(self, input_size, output_size):
        self.params = {"W": np.zeros((input_size, output_size)), "b": np.zeros(output_size)}
    def loss(self, X, y=None, reg=0.0):
        scores = X @ self.params["W"] + self.params["b"]
        if y is None:
            return scores
        loss = scores[np.arange(len(y)), y].sum() + reg * (self.params["W"] ** 2).sum()
        d = np.zeros_like(scores)
        d[np.arange(len(y)), y] = 1
        RETURN
"""
GRADS = 'grads = {"W": X.T @ d + 2 * reg * self.params["W"], "b": d.sum(axis=0)}; '


@pytest.mark.parametrize(
    "returned",
    [
        GRADS + "return loss, grads",
        GRADS + "return grads, loss",
        GRADS + "return loss, {'dW': grads['W'], 'db': grads['b']}",
        GRADS + "dW, db = grads['W'], grads['b']; return loss, dW, db",
        GRADS + "dW, db = grads['W'], grads['b']; return loss, db, dW",
    ],
)
def test_gradients_are_of_the_parameters_that_the_constructor_makes(write: Any, returned: str) -> None:
    written = write(LINEAR.replace("RETURN", returned))
    layer = written.layer("Net")
    assert layer.convention is Convention.LOSS and layer.unit_upstream
    roles = {item.name: item.role for item in layer.arguments}
    assert roles == {
        "input_size": Role.SIZE,
        "output_size": Role.SIZE,
        "W": Role.OWN_PARAMETER,
        "b": Role.OWN_PARAMETER,
        "X": Role.INPUT,
        "y": Role.INPUT,
        "reg": Role.CONFIG,
    }
    assert [item.name for item in layer.arguments if not item.differentiated] == ["X", "y", "reg"]
    assert any("no gradient for `X`" in note for note in layer.notes)
    labels = np.array([1, 3])
    result, gradients = written.run("Net", input_size=3, output_size=4, W=W, b=np.ones(4), X=X, y=labels, reg=0.5)
    assert result.outputs[0] == (X @ W + 1)[[0, 1], labels].sum() + 0.5 * (W**2).sum()
    picked = np.eye(4)[labels]
    np.testing.assert_array_equal(gradients.gradients["W"], X.T @ picked + W)
    np.testing.assert_array_equal(gradients.gradients["b"], picked.sum(axis=0))


def test_a_gradient_method_beside_a_loss(write: Any) -> None:
    source = LINEAR.replace("RETURN", "self.d = d; return loss") + (
        "    def gradient(self, X, y=None, reg=0.0):\n"
        "        self.loss(X, y, reg)\n"
        "        grads = {}\n"
        '        grads["W"], grads["b"] = X.T @ self.d, self.d.sum(axis=0)\n'
        "        return grads\n"
    )
    labels = np.array([1, 3])
    written = write(source)
    given = {"input_size": 3, "output_size": 4, "W": W, "b": np.ones(4), "X": X, "y": labels, "reg": 0.0}
    _, gradients = written.run("Net", **given)
    np.testing.assert_array_equal(gradients.gradients["W"], X.T @ np.eye(4)[labels])
    assert written.layer("Net").line > written.layer("Net").forward_line
    numeric = source.replace("self.loss(X, y, reg)", "numerical_gradient(self.loss, X, y)")
    assert write(numeric).names == []


def test_parameters_that_the_constructor_leaves_open(write: Any) -> None:
    written = write(
        """
        def squared_loss(W, X, y, reg):
            loss, dW = ((X @ W - y) ** 2).sum(), 2 * X.T @ (X @ W - y)
            return loss, dW
        class Linear:
            def __init__(self): self.W = None
            def loss(self, X, y, reg): pass
        class Regression(Linear):
            def loss(self, X, y, reg): return squared_loss(self.W, X, y, reg)
        class Logistic:
            def fit(self, X): self.w, self.b = np.zeros(X.shape[1]), 0.0
            def propagate(self, X, y):
                e = X @ self.w + self.b - y
                grads = {"dw": X.T @ e, "db": e.sum()}
                cost = 0.5 * (e**2).sum()
                return grads, cost
        """
    )
    assert written.names == ["squared_loss", "Regression", "Logistic"]
    y = np.ones((2, 4))
    _, gradients = written.run("Regression", W=W, X=X, y=y, reg=0.1)
    np.testing.assert_array_equal(gradients.gradients["W"], 2 * X.T @ (X @ W - y))
    _, gradients = written.run("Logistic", w=np.ones(3), b=np.array(2.0), X=X, y=np.zeros(2))
    assert gradients.gradients["b"] == (X.sum(axis=1) + 2).sum()
    assert list(written.layer("Logistic").declared_inputs) == ["b"]


def test_large_defaults_are_made_small_and_weak_penalties_strong(write: Any) -> None:
    written = write(
        """
        class Net:
            def __init__(self, hidden_dims, input_dim=3 * 32 * 32, num_classes=10, reg=0.0, dropout=0.5,
                         dtype=np.float32, num_iterations=1000, image=(3, 32, 32)):
                dims = [input_dim, *hidden_dims, num_classes]
                self.params = {}
                for k in range(len(hidden_dims) + 1):
                    self.params[f"W{k + 1}"] = np.ones((dims[k], dims[k + 1])).astype(dtype)
            def loss(self, X, y=None):
                loss, grads = 0.0, {}
                return loss, grads
        """
    )
    arguments = {item.name: item for item in written.layer("Net").arguments}
    assert arguments["input_dim"].role is Role.SIZE
    assert [name for name in arguments if name.startswith("W")] == ["W1", "W2", "W3"]
    assert not arguments["reg"].has_default and not arguments["hidden_dims"].has_default
    kept = ("num_classes", "dropout", "num_iterations")
    assert [arguments[name].default for name in kept] == [10, 0.5, 1000]
    assert arguments["dtype"].default == "float64" and arguments["image"].default == (3, 8, 8)


def test_what_only_looks_like_a_net_is_none(write: Any) -> None:
    written = write(
        """
        class OnlyTheLoss:
            def __init__(self): self.params = {"W": np.ones(3)}
            def loss(self, X, y):
                loss = (X @ self.params["W"] - y).sum()
                return loss
        class Accuracy:
            def __init__(self): self.params = {"W": np.ones(3)}
            def loss(self, X, y):
                loss, accuracy = 1.0, 0.5
                return loss, accuracy
        class Data:
            def __init__(self): self.params = {"W": np.ones(3)}
            def loss(self, X, y):
                loss, data = 1.0, X
                return loss, data
        class Trainer:
            def __init__(self): self.params = {"W": np.ones(3)}
            def train(self, X, y):
                loss, grads = 1.0, {"W": X}
                return loss, grads
            def loss_history(self, X, y):
                loss, grads = 1.0, {"W": X}
                return loss, grads
        class MadeByMachine:
            def __init__(self): self.params = {"W": np.ones(3)}
            def loss(self, X, y):
                loss, grads = value_and_grad(self.of)(self.params, X, y)
                return loss, grads
        class Tested:
            def __init__(self): self.params = {"W": np.ones(3)}
            def loss(self, X, y):
                loss, grads = 1.0, numerical_gradient(self.params, X, y)
                return loss, grads
        class Estimator:
            def fit(self, X, y):
                self.coef_ = X.T @ y
                return self
            def score(self, X, y): return 1.0
            def gradient(self, X): return X
        def optimize(w, b, X, Y):
            grads, cost = {"dw": w, "db": b}, 1.0
            return grads, cost
        def step(w, X):
            params, grads = {"w": w}, {"dw": X}
            return params, grads
        def history(w, X):
            grads, costs = {"dw": X}, [1.0]
            return grads, costs
        """
    )
    assert written.names == [] and written.discovery.notes == ()


def test_a_class_with_a_backward_is_a_class_whatever_its_loss_returns(write: Any) -> None:
    source = LINEAR.replace("RETURN", GRADS + "return loss, grads") + (
        "    def forward(self, x): return 2 * x\n    def backward(self, dout): return 2 * dout\n"
    )
    written = write(source)
    assert written.names == ["Net"] and written.layer("Net").convention is Convention.CLASS


def test_a_net_that_cannot_be_made_is_passed_over_with_the_reason(write: Any) -> None:
    written = write(
        """
        class Net:
            def __init__(self, path): self.params = dict(np.load(path))
            def loss(self, X):
                loss, grads = 0.0, {}
                return loss, grads
        """
    )
    assert written.names == []
    assert len(written.discovery.notes) == 1 and "its constructor did not run" in written.discovery.notes[0]


def test_several_methods_are_layers_by_their_own_names(write: Any) -> None:
    both = LINEAR.replace("RETURN", GRADS + "return loss, grads")
    second = both.split("    def loss")[1].replace("(self", "_fast(self", 1)
    written = write(both + "    def loss" + second)
    assert written.names == ["Net.loss", "Net.loss_fast"]


def test_gradients_before_the_cost(write: Any) -> None:
    written = write(
        """
        def propagate(w, b, X, Y):
            A = w.T @ X + b
            cost = 0.5 * ((A - Y) ** 2).sum()
            grads = {"dw": X @ (A - Y).T, "db": (A - Y).sum()}
            return grads, cost
        def display(w, X):
            cost = (w @ X).sum()
            return {"dw": X.sum(axis=1)}, cost
        def cost_first(w, X):
            cost = (w @ X).sum()
            return cost, {"dw": X.sum(axis=1)}
        """
    )
    assert written.names == ["propagate", "display", "cost_first"]
    for name in ("display", "cost_first"):
        result, gradients = written.run(name, w=np.ones(2), X=X)
        assert result.outputs[0] == X.sum()
        np.testing.assert_array_equal(gradients.gradients["w"], X.sum(axis=1))
    result, gradients = written.run("propagate", w=np.ones((2, 1)), b=np.array(1.0), X=X, Y=np.zeros((1, 3)))
    assert set(gradients.gradients) == {"w", "b"}
    assert gradients.gradients["b"] == (X.sum(axis=0) + 1).sum()


def test_parameters_that_only_a_setting_makes_are_not_judged(write: Any) -> None:
    written = write(
        """
        class Net:
            def __init__(self, n_in, normalization=None):
                self.params = {"W": np.ones(n_in)}
                if normalization: self.params["gamma1"] = np.ones(n_in)
            def loss(self, X):
                loss, grads = (X @ self.params["W"]).sum(), {"W": X.sum(axis=0), "gamma1": X, "delta9": X}
                return loss, grads
        """
    )
    _, gradients = written.run("Net", n_in=3, W=np.ones(3), X=X, normalization="batch")
    assert gradients.unknown == ("delta9",)
    _, gradients = written.run("Net", n_in=3, W=np.ones(3), X=X)
    assert gradients.unknown == ("gamma1", "delta9")


THREE = """
class Net:
    def __init__(self, n_in, n_out):
        self.W = np.zeros((n_in, n_out))
    def forward(self, X):
        self.X = X
        self.out = X @ self.W
        return self.out
    def LOSS
    def backward(self, TAKES):
        delta = self.out - Y
        self.dW = self.X.T @ delta
"""


@pytest.mark.parametrize(
    ("loss", "takes", "labels"),
    [
        ("loss(self, y): return 0.5 * ((self.out - y) ** 2).sum()", "y", "y"),
        ("compute_loss(self, X, y): return 0.5 * ((self.forward(X) - y) ** 2).sum()", "X, y", "y"),
        ("mse_loss(self, y_pred, y_true): return 0.5 * ((y_pred - y_true) ** 2).sum()", "X, y, output", "y"),
        ("loss(self, y_true, y_pred): return 0.5 * ((y_pred - y_true) ** 2).sum()", "y_train, lr", "y_train"),
    ],
)
def test_a_net_of_three_methods_is_its_loss_of_what_it_gives(write: Any, loss: str, takes: str, labels: str) -> None:
    written = write(THREE.replace("LOSS", loss).replace("TAKES", takes).replace("- Y", f"- {labels}"))
    layer = written.layer("Net")
    assert layer.unit_upstream and [item.name for item in layer.arguments] == ["n_in", "n_out", "W", "X", labels]
    y = np.ones((2, 4))
    result, gradients = written.run("Net", n_in=3, n_out=4, W=W, X=X, **{labels: y})
    assert result.outputs[0] == 0.5 * ((X @ W - y) ** 2).sum()
    np.testing.assert_array_equal(gradients.gradients["W"], X.T @ (X @ W - y))


def test_labels_without_a_loss_are_refused_and_what_is_not_compared_is_an_upstream_gradient(write: Any) -> None:
    source = THREE.replace("def LOSS", "pass").replace("TAKES", "t")
    written = write(source.replace("- Y", "- t"))
    with pytest.raises(UserError, match="takes `t`, which is no upstream gradient") as caught:
        written.run("Net", n_in=3, n_out=4, W=W, X=X)
    assert caught.value.mend == "where these are labels, add a method `loss(self, t)` that returns the loss"
    written = write(source.replace("self.out - Y", "t"), "other.py")
    np.testing.assert_array_equal(
        written.run("Net", n_in=3, n_out=4, W=W, X=X)[1].gradients["W"], X.T @ np.ones((2, 4))
    )
