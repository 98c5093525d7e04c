from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.conventions.starting import starter
from gradcheck_cli.layers.layer import Convention, Role

X, W, B = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4) + 1, np.arange(4.0)
DOUT = np.ones((2, 4))


def affine_gradients(gradients: Any, weight: str = "W", bias: str = "b", given: str = "x") -> None:
    np.testing.assert_array_equal(gradients.gradients[given], DOUT @ W.T)
    np.testing.assert_array_equal(gradients.gradients[weight], X.T @ DOUT)
    np.testing.assert_array_equal(gradients.gradients[bias], DOUT.sum(0))


def textbook(init: str, store: str, forward: str = "x @ self.W + self.b", returned: str = "dx") -> str:
    return f"""
class Affine:
    def __init__(self, W, b):
        {init}
    def forward(self, x):
        self.x = x
        return {forward}
    def backward(self, dout):
        dx = dout @ self.weight().T
        dW = self.x.T @ dout
        db = dout.sum(0)
        {store}
        return {returned}
    def weight(self):
        return self.W if hasattr(self, "W") else self.params["W"] if isinstance(self.params, dict) else self.params[0]
"""


PARAMS = "self.params = [W, b]; self.grads = [np.zeros_like(W), np.zeros_like(b)]"


@pytest.mark.parametrize(
    ("init", "store", "forward", "returned"),
    [
        ("self.W, self.b = W, b", "self.dW, self.db = dW, db", "x @ self.W + self.b", "dx"),
        ("self.W = W; self.b = b", "self.dW = dW; self.db = db", "np.dot(x, self.W) + self.b", "dx"),
        ("self.W = W; self.b = b", "self.grad_W = dW; self.grad_b = db", "x @ self.W + self.b", "dx"),
        ("self.W = W; self.b = b", "self.W_grad = dW; self.b_grad = db", "x @ self.W + self.b", "dx"),
        ("self.W = W; self.b = b", "self.gradW = dW; self.gradb = db", "x @ self.W + self.b", "dx"),
        ("self.W = W; self.b = b", "self.grads = {'W': dW, 'b': db}", "x @ self.W + self.b", "dx"),
        ("self.W = W; self.b = b", "self.grads = {'dW': dW, 'db': db}", "x @ self.W + self.b", "dx"),
        ("self.W = W; self.b = b", "self.grads = [dW, db]", "x @ self.W + self.b", "dx"),
        ("self.W = W.copy(); self.b = b.copy()", "self.dW = dW; self.db = db", "x @ self.W + self.b", "dx"),
        (PARAMS, "self.grads[0][...] = dW; self.grads[1][...] = db", "x @ self.params[0] + self.params[1]", "dx"),
        (PARAMS, "self.grads = [dW, db]", "x @ self.params[0] + self.params[1]", "dx"),
        (
            "self.params = {'W': W, 'b': b}",
            "self.grads = {'W': dW, 'b': db}",
            "x @ self.params['W'] + self.params['b']",
            "dx",
        ),
        ("self.W = W; self.b = b", "pass", "x @ self.W + self.b", "dx, dW, db"),
        ("self.W = W; self.b = b", "pass", "x @ self.W + self.b", "(dx, {'W': dW, 'b': db})"),
        ("self.W = W; self.b = b", "pass", "x @ self.W + self.b", "(dx, [dW, db])"),
        ("self.W = W; self.b = b", "pass", "x @ self.W + self.b", "{'x': dx, 'W': dW, 'b': db}"),
        ("self.W = W; self.b = b", "self.dx = dx; self.dW = dW; self.db = db", "x @ self.W + self.b", "None"),
    ],
)
def test_parameters_are_given_and_their_gradients_found_wherever_they_are_stored(
    write: Any, init: str, store: str, forward: str, returned: str
) -> None:
    written = write(textbook(init, store, forward, returned))
    layer = written.layer("Affine")
    assert layer.convention is Convention.CLASS
    assert [(item.name, item.role) for item in layer.arguments] == [
        ("W", Role.PARAMETER),
        ("b", Role.PARAMETER),
        ("x", Role.INPUT),
    ]
    result, gradients = written.run("Affine", W=W, b=B, x=X)
    np.testing.assert_array_equal(result.outputs[0], X @ W + B)
    affine_gradients(gradients)


def test_a_swap_of_two_stored_gradients_is_not_mended(write: Any) -> None:
    written = write(textbook(PARAMS, "self.grads = [db, dW]", "x @ self.params[0] + self.params[1]"))
    _, gradients = written.run("Affine", W=W, b=B, x=X)
    assert gradients.gradients["W"].shape == (4,)


def test_a_parameter_whose_gradient_is_not_stored_has_none(write: Any) -> None:
    written = write(textbook("self.W = W; self.b = b; self.dW = None", "self.dW = dW"))
    _, gradients = written.run("Affine", W=W, b=B, x=X)
    assert "b" not in gradients.gradients
    assert "W" in gradients.gradients


OWN = """
class Parameter:
    def __init__(self, data):
        self.data, self.grad = data, None

class Linear:
    def __init__(self, in_features, out_features, bias=True, scale=0.1):
        {init}
    def forward(self, x):
        self.x = x
        return x @ {w} + {b}
    def backward(self, dout):
        {store}
        return dout @ {w}.T
"""


@pytest.mark.parametrize(
    ("init", "w", "b", "store", "names"),
    [
        ("self.W = np.random.randn(in_features, out_features); self.b = np.zeros(out_features)", "self.W", "self.b",
         "self.dW = self.x.T @ dout; self.db = dout.sum(0)", ("W", "b")),
        ("self.weight = scale * np.random.rand(in_features, out_features); self.bias = np.zeros((out_features,))",
         "self.weight", "self.bias", "self.dweight = self.x.T @ dout; self.dbias = dout.sum(0)",
         ("weight", "self.bias")),
        ("self.weights = np.random.normal(size=(in_features, out_features)); self.biases = np.zeros(out_features)",
         "self.weights", "self.biases", "self.dw = self.x.T @ dout; self.db = dout.sum(0)", ("weights", "biases")),
        ("self.params = {'W': np.ones((in_features, out_features)), 'b': np.zeros(out_features)}; self.grads = {}",
         "self.params['W']", "self.params['b']", "self.grads['W'] = self.x.T @ dout; self.grads['b'] = dout.sum(0)",
         ("W", "b")),
        ("self.params = [np.ones((in_features, out_features)), np.zeros(out_features)]; self.grads = [None, None]",
         "self.params[0]", "self.params[1]", "self.grads[0] = self.x.T @ dout; self.grads[1] = dout.sum(0)",
         ("params[0]", "params[1]")),
        ("self.W = Parameter(np.ones((in_features, out_features))); self.b = Parameter(np.zeros(out_features))",
         "self.W.data", "self.b.data", "self.W.grad = self.x.T @ dout; self.b.grad = dout.sum(0)", ("W", "b")),
        ("W = np.ones((in_features, out_features)).astype('f'); self.W = W; self.b = np.zeros(out_features); "
         "self.params = [self.W, self.b]", "self.W", "self.params[1]",
         "self.grads = [self.x.T @ dout, dout.sum(0)]", ("W", "b")),
    ],
)  # fmt: skip
def test_parameters_that_the_constructor_makes_are_found_and_replaced(
    write: Any, init: str, w: str, b: str, store: str, names: tuple[str, str]
) -> None:
    written = write(OWN.format(init=init, w=w, b=b, store=store))
    layer = written.layer("Linear")
    roles = {item.name: item.role for item in layer.arguments}
    assert roles["in_features"] is Role.SIZE and roles["out_features"] is Role.SIZE
    assert roles["bias"] is Role.CONFIG and roles["scale"] is Role.CONFIG
    assert tuple(name for name, role in roles.items() if role is Role.OWN_PARAMETER) == names
    sizes = {"in_features": 3, "out_features": 4, "bias": True, "scale": 0.1}
    initial = layer.bind(written.module.namespace).initial(sizes)
    assert [initial[name].shape for name in names] == [(3, 4), (4,)]
    result, gradients = written.run("Linear", in_features=3, out_features=4, x=X, **{names[0]: W, names[1]: B})
    np.testing.assert_array_equal(result.outputs[0], X @ W + B)
    affine_gradients(gradients, *names)


def test_an_update_in_the_backward_is_read_and_put_back(write: Any) -> None:
    written = write(
        """
        class Dense:
            def __init__(self, input_size, output_size):
                self.weights = np.random.randn(input_size, output_size)
                self.bias = np.random.randn(1, output_size)
            def forward(self, input):
                self.input = input
                return self.input @ self.weights + self.bias
            def backward(self, output_gradient, learning_rate):
                weights_gradient = self.input.T @ output_gradient
                input_gradient = output_gradient @ self.weights.T
                self.weights -= learning_rate * weights_gradient
                self.bias -= learning_rate * output_gradient.sum(0, keepdims=True)
                return input_gradient
        """
    )
    layer = written.layer("Dense")
    own = [item for item in layer.arguments if item.role is Role.OWN_PARAMETER]
    assert [(item.name, item.gradient_name) for item in own] == [("weights", "weights_gradient"), ("bias", "")]
    weights, bias = W.copy(), np.zeros((1, 4))
    _, gradients = written.run("Dense", input_size=3, output_size=4, input=X, weights=weights, bias=bias)
    np.testing.assert_array_equal(gradients.gradients["input"], DOUT @ W.T)
    np.testing.assert_array_equal(gradients.gradients["weights"], X.T @ DOUT)
    np.testing.assert_array_equal(gradients.gradients["bias"], [[2, 2, 2, 2]])
    np.testing.assert_array_equal(weights, W)
    np.testing.assert_array_equal(bias, 0)


def test_results_left_on_the_instance_are_found(write: Any) -> None:
    written = write(
        """
        class Layer_Dense:
            def __init__(self, n_inputs, n_neurons):
                self.weights = 0.01 * np.random.randn(n_inputs, n_neurons)
                self.biases = np.zeros((1, n_neurons))
            def forward(self, inputs):
                self.inputs = inputs
                self.output = np.dot(inputs, self.weights) + self.biases
            def backward(self, dvalues):
                self.dweights = np.dot(self.inputs.T, dvalues)
                self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
                self.dinputs = np.dot(dvalues, self.weights.T)
        class Activation_ReLU:
            def forward(self, inputs):
                self.inputs = inputs
                self.output = np.maximum(0, inputs)
            def backward(self, dvalues):
                self.dinputs = dvalues.copy()
                self.dinputs[self.inputs <= 0] = 0
        """
    )
    assert written.names == ["Layer_Dense", "Activation_ReLU"]
    result, gradients = written.run(
        "Layer_Dense", n_inputs=3, n_neurons=4, inputs=X, weights=W, biases=np.zeros((1, 4))
    )
    np.testing.assert_array_equal(result.outputs[0], X @ W)
    np.testing.assert_array_equal(gradients.gradients["weights"], X.T @ DOUT)
    np.testing.assert_array_equal(gradients.gradients["inputs"], DOUT @ W.T)
    assert gradients.gradients["biases"].shape == (1, 4)
    _, gradients = written.run("Activation_ReLU", inputs=X)
    np.testing.assert_array_equal(gradients.gradients["inputs"], X > 0)


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        ("forward", "backward"),
        ("__call__", "backward"),
        ("fprop", "bprop"),
        ("forward_pass", "backward_pass"),
        ("feedforward", "backprop"),
        ("forward_propagation", "backward_propagation"),
        ("forward_propagate", "back_propagate"),
    ],
)
def test_methods_are_known_by_their_usual_names(write: Any, forward: str, backward: str) -> None:
    written = write(
        f"""
        class Square:
            def {forward}(self, x):
                self.x = x
                return x**2
            def {backward}(self, grad):
                return 2 * self.x * grad
        """
    )
    np.testing.assert_array_equal(written.run("Square", x=X)[1].gradients["x"], 2 * X)


def test_a_loss_class_has_a_unit_upstream(write: Any) -> None:
    written = write(
        """
        class A:
            def forward(self, x, t):
                self.d = x - t
                return 0.5 * (self.d ** 2).sum()
            def backward(self, dout=1):
                return dout * self.d
        class MSELoss:
            def forward(self, prediction, target):
                self.d = prediction - target
                return 0.5 * (self.d ** 2).sum()
            def backward(self):
                return self.d
        class NotALoss:
            def forward(self, x): return 2 * x
            def backward(self, dout): return 2 * dout
        """
    )
    assert [written.layer(name).unit_upstream for name in ("A", "MSELoss", "NotALoss")] == [True, True, False]
    _, gradients = written.run("MSELoss", prediction=X, target=0 * X)
    np.testing.assert_array_equal(gradients.gradients["prediction"], X)
    assert [item.differentiated for item in written.layer("MSELoss").arguments] == [True, False]


def test_an_embedding_returns_no_gradient_for_its_indices(write: Any) -> None:
    written = write(
        """
        class Embedding:
            def __init__(self, W):
                self.params = [W]
                self.grads = [np.zeros_like(W)]
            def forward(self, idx):
                W, = self.params
                self.idx = idx
                return W[idx]
            def backward(self, dout):
                dW, = self.grads
                dW[...] = 0
                np.add.at(dW, self.idx, dout)
                return None
        """
    )
    _, gradients = written.run("Embedding", W=W, idx=np.array([0, 0]))
    assert set(gradients.gradients) == {"W"}
    np.testing.assert_array_equal(gradients.gradients["W"][0], 2 * np.ones(4))


def test_several_outputs_flags_and_states(write: Any) -> None:
    written = write(
        """
        class LSTM:
            def __init__(self, Wx, Wh, b):
                self.params = [Wx, Wh, b]
                self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
                self.cache = None
            def forward(self, x, h_prev, c_prev):
                self.cache = (x, h_prev, c_prev)
                return x + h_prev, 2 * x + 3 * c_prev
            def backward(self, dh_next, dc_next):
                return dh_next + 2 * dc_next, dh_next, 3 * dc_next
        class BatchNormalization:
            def __init__(self, gamma, beta, momentum=0.9, running_mean=None, running_var=None):
                self.gamma, self.beta, self.momentum = gamma, beta, momentum
                self.running_mean, self.running_var = running_mean, running_var
                self.dgamma = self.dbeta = None
            def forward(self, x, train_flg=True):
                self.x = x
                return self.gamma * x + self.beta
            def backward(self, dout):
                self.dgamma, self.dbeta = (dout * self.x).sum(0), dout.sum(0)
                return dout * self.gamma
        class TimeLSTM:
            def __init__(self, Wx, Wh, b, stateful=False):
                self.params = [Wx, Wh, b]
                self.grads = [np.zeros_like(p) for p in self.params]
                self.h = None
            def forward(self, xs): return xs
            def backward(self, dhs): return dhs
        """
    )
    _, gradients = written.run("LSTM", Wx=W, Wh=W, b=B, x=X, h_prev=X, c_prev=X)
    assert [gradients.gradients[name][0, 0] for name in ("x", "h_prev", "c_prev")] == [3, 1, 3]
    assert written.layer("LSTM").upstream_names == ("dh_next", "dc_next")
    roles = {item.name: item.role for item in written.layer("BatchNormalization").arguments}
    assert [name for name, role in roles.items() if role is Role.CONFIG] == [
        "momentum",
        "running_mean",
        "running_var",
        "train_flg",
    ]
    assert {item.role for item in written.layer("TimeLSTM").arguments[:3]} == {Role.PARAMETER}
    assert written.layer("TimeLSTM").arguments[3].role is Role.CONFIG


def test_several_outputs_whose_upstream_gradients_are_named_after_them(write: Any) -> None:
    """No name of theirs is the usual one of an upstream gradient, and a class keeps its cache: all are upstreams."""
    written = write(
        """
        class SumAndProduct:
            def forward(self, x, y):
                self.x, self.y = x, y
                product = x * y
                return x + y, product
            def backward(self, dsum, dproduct):
                return dsum + dproduct * self.y, dsum + dproduct * self.x
        """
    )
    _, gradients = written.run("SumAndProduct", x=X, y=2 * X)
    assert written.layer("SumAndProduct").upstream_names == ("dsum", "dproduct")
    np.testing.assert_array_equal(gradients.gradients["x"], 1 + 2 * X)
    np.testing.assert_array_equal(gradients.gradients["y"], 1 + X)


def test_a_base_class_is_passed_over_and_a_stub_is_an_error(write: Any) -> None:
    written = write(
        """
        import abc
        class Layer:
            def forward(self, x): raise NotImplementedError
            def backward(self, dout): raise NotImplementedError
        class Module(abc.ABC):
            @abc.abstractmethod
            def forward(self, x): ...
            @abc.abstractmethod
            def backward(self, dout): ...
        class Square(Layer):
            def forward(self, x):
                self.x = x
                return x**2
            def backward(self, dout): return 2 * self.x * dout
        class Todo(Layer):
            def forward(self, x): pass
            def backward(self, dout): pass
        class Half(Layer):
            def forward(self, x): return x
        class OnlyBack:
            def backward(self, dout): return dout
        class Later(Layer):
            pass
        class Loss:
            def forward(self, x): return NotImplementedError
            def backward(self, x): return NotImplementedError
        class Zero(Loss):
            def forward(self, x): return 0 * x.sum()
            def backward(self, x): return 0 * x
        """
    )
    assert written.names == ["Square", "Todo", "Half", "Zero"]
    assert sum("base for layers" in note for note in written.discovery.notes) == 3
    assert any("`Later` has no forward and no backward of its own" in note for note in written.discovery.notes)
    assert any("`OnlyBack` has a backward and no forward" in note for note in written.discovery.notes)
    with pytest.raises(UserError, match="returned None"):
        written.run("Todo", x=X)
    with pytest.raises(UserError, match=r"Half.backward` raised NotImplementedError") as caught:
        written.run("Half", x=X)
    assert caught.value.mend


def test_a_constructor_that_fails_says_so(write: Any) -> None:
    written = write(
        """
        class A:
            def __init__(self, n_in):
                raise ValueError("mine")
            def forward(self, x): return x
            def backward(self, dout): return dout
        """
    )
    with pytest.raises(UserError, match="`A` raised ValueError: mine") as caught:
        written.run("A", n_in=3, x=X)
    assert caught.value.line == 5


def test_each_forward_has_an_instance_of_its_own(write: Any) -> None:
    written = write(
        """
        class Square:
            def forward(self, x):
                self.x = x
                return x**2
            def backward(self, dout): return 2 * self.x * dout
        """
    )
    bound = written.layer("Square").bind(written.module.namespace)
    first, second = bound.forward({"x": X}), bound.forward({"x": 10 * X})
    np.testing.assert_array_equal(bound.backward(first, (np.ones((2, 3)),), ("x",)).gradients["x"], 2 * X)
    np.testing.assert_array_equal(bound.backward(second, (np.ones((2, 3)),), ("x",)).gradients["x"], 20 * X)


def test_parameters_are_known_by_the_gradients_that_come_back(write: Any) -> None:
    written = write(
        """
        class Cell:
            def __init__(self, n_in, n_out):
                self.W = np.random.randn(n_in, n_out)
                self.b = np.zeros(n_out)
                self.scale = np.ones(3)
            def forward(self, x):
                self.x = x
                return x @ self.W + self.b
            def backward(self, dout):
                return dout @ self.W.T, {"W": self.x.T @ dout, "b": dout.sum(0)}
        """
    )
    own = [item.name for item in written.layer("Cell").arguments if item.role is Role.OWN_PARAMETER]
    assert own == ["W", "b"]
    result, gradients = written.run("Cell", n_in=3, n_out=4, x=X, W=W, b=B)
    np.testing.assert_array_equal(result.outputs[0], X @ W + B)
    affine_gradients(gradients)
    assert gradients.unknown == ()


def test_a_base_that_only_its_subclasses_can_build_is_passed_over(write: Any) -> None:
    written = write(
        """
        class Activation:
            def __init__(self, activation, derivative):
                self.activation, self.derivative = activation, derivative
            def forward(self, x):
                self.x = x
                return self.activation(x)
            def backward(self, dout): return dout * self.derivative(self.x)
        class Tanh(Activation):
            def __init__(self):
                super().__init__(np.tanh, lambda x: 1 - np.tanh(x) ** 2)
        """
    )
    assert written.names == ["Tanh"]
    assert any("`Activation` is a base for layers" in note for note in written.discovery.notes)
    np.testing.assert_allclose(written.run("Tanh", x=X)[1].gradients["x"], 1 - np.tanh(X) ** 2)


def test_the_parameters_of_sub_layers_belong_to_the_layer_that_holds_them(write: Any) -> None:
    written = write(
        """
        class Linear:
            def __init__(self, n_in, n_out):
                self.W = np.random.randn(n_in, n_out)
                self.params = [self.W]
                self.grads = [np.zeros_like(self.W)]
            def forward(self, x):
                W, = self.params
                self.x = x
                return x @ W
            def backward(self, dout):
                self.grads[0][...] = self.x.T @ dout
                return dout @ self.params[0].T
        class Net:
            def __init__(self, n_in, n_out):
                self.first = Linear(n_in, n_in)
                self.layers = [Linear(n_in, n_out)]
            def forward(self, x):
                return self.layers[0].forward(self.first.forward(x))
            def backward(self, dout):
                return self.first.backward(self.layers[0].backward(dout))
        """
    )
    own = [item.name for item in written.layer("Net").arguments if item.role is Role.OWN_PARAMETER]
    assert own == ["first.W", "layers[0].W"]
    first = np.arange(9.0).reshape(3, 3)
    result, gradients = written.run("Net", n_in=3, n_out=4, x=X, **{"first.W": first, "layers[0].W": W})
    np.testing.assert_array_equal(result.outputs[0], X @ first @ W)
    np.testing.assert_array_equal(gradients.gradients["first.W"], X.T @ (DOUT @ W.T))
    np.testing.assert_array_equal(gradients.gradients["layers[0].W"], (X @ first).T @ DOUT)


def test_one_gradient_beside_a_list_of_one_parameter_is_its_gradient(write: Any) -> None:
    source = """
    class Scale:
        def __init__(self, size):
            self.w = np.ones(size)
            self.params = PARAMS
        def forward(self, x):
            self.x = x
            return x * self.w
        def backward(self, d_out):
            self.grads = (d_out * self.x).sum(axis=0)
            return d_out * self.w
    """
    written = write(source.replace("PARAMS", "[self.w]"))
    np.testing.assert_array_equal(written.run("Scale", size=3, x=X)[1].gradients["w"], X.sum(axis=0))
    # which of two it belongs to, nobody can tell
    written = write(source.replace("PARAMS", "[self.w, self.w + 0]"), "two.py")
    assert "w" not in written.run("Scale", size=3, x=X)[1].gradients


def test_what_a_constructor_only_hands_on_is_no_argument(write: Any) -> None:
    written = write(
        """
        class Base:
            def __init__(self):
                self.x = None
        class Scale(Base):
            def __init__(self, factor=2.0, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.factor = factor
            def forward(self, x):
                return self.factor * x
            def backward(self, grad, learn_rate):
                return self.factor * grad / (1 - learn_rate)
        """
    )
    assert [item.name for item in written.layer("Scale").arguments] == ["factor", "x"]
    np.testing.assert_array_equal(written.run("Scale", x=X)[1].gradients["x"], 2 * np.ones_like(X))


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("(int): number of neurons (vector size)", Role.SIZE),
        ("number of rows of the weight matrix", Role.SIZE),
        ("the weights, an array", Role.PARAMETER),
    ],
)
def test_a_number_that_a_docstring_counts_vectors_with_is_no_array(write: Any, said: str, role: Role) -> None:
    written = write(
        f"""
        class Repeat:
            '''
            Args:
                `width`: {said}
            '''
            def __init__(self, width):
                self.width = width
                self.build()
            def build(self):
                self.w = np.random.randn(3, self.width)
            def forward(self, x):
                self.x = x
                return x @ self.w
            def backward(self, dout):
                self.grad_w = self.x.T @ dout
                return dout @ self.w.T
        """
    )
    assert written.layer("Repeat").arguments[0].role is role
    assert ("w" in [item.name for item in written.layer("Repeat").arguments]) is (role is Role.SIZE)


def test_a_base_that_takes_whatever_its_subclasses_hand_on_is_passed_over(write: Any) -> None:
    written = write(
        """
        class Activation:
            def __init__(self, name="relu", *args):
                super().__init__(*args)
                self.function = FUNCTIONS[name]
            def forward(self, x): return self.function(x)
            def backward(self, dout): return dout * self.slope(x)
        class Twice(Activation):
            def __init__(self):
                pass
            def forward(self, x): return 2 * x
            def backward(self, dout): return 2 * dout
        """
    )
    assert written.names == ["Twice"]
    assert any("which its subclasses build" in note for note in written.discovery.notes)


@pytest.mark.parametrize(("returned", "is_scalar"), [("probs, loss", True), ("probs, entropies", False)])
def test_the_loss_that_a_class_returns_last_is_what_is_differentiated(
    write: Any, returned: str, is_scalar: bool
) -> None:
    written = write(
        f"""
        class SoftmaxCrossEntropy:
            def forward(self, x, y):
                probs = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
                loss = entropies = -np.log(probs[np.arange(len(y)), y]).mean()
                self.cache = probs, y
                return {returned}
            def backward(self):
                probs, y = self.cache
                self.dx = (probs - np.eye(probs.shape[1])[y]) / len(y)
        """
    )
    result, gradients = written.run("SoftmaxCrossEntropy", x=X, y=np.array([0, 2]))
    assert (np.shape(result.outputs[0]) == ()) is is_scalar
    assert gradients.gradients["x"].shape == X.shape


@pytest.mark.parametrize(("first", "role"), [("query", Role.INPUT), ("x", Role.CONFIG)])
def test_a_key_beside_a_query_is_no_random_key(write: Any, first: str, role: Role) -> None:
    written = write(
        f"""
        class Dot:
            def forward(self, {first}, key):
                self.kept = {first}, key
                return {first} @ key.T
            def backward(self, dout):
                return dout @ self.kept[1], dout.T @ self.kept[0]
        """
    )
    assert [item.role for item in written.layer("Dot").arguments] == [Role.INPUT, role]


PREDICTIONS = """
class Loss:
    def calculate(self, output, y):
        return np.mean(self.forward(output, y))
class Loss_MeanSquaredError(Loss):
    def forward(self, y_pred, y_true):
        return np.mean((y_true - y_pred) ** 2, axis=-1)
    def backward(self, dvalues, y_true):
        samples = SAMPLES
        self.dinputs = FACTOR * -2 * (y_true - dvalues) / 3 / samples
class Softmax_Loss:
    def forward(self, inputs, y_true):
        self.output = np.exp(inputs) / np.exp(inputs).sum(axis=1, keepdims=True)
        return -np.log(self.output[range(len(inputs)), y_true]).mean()
    def backward(self, dvalues, y_true):
        self.dinputs = dvalues.copy()
        self.dinputs[range(len(dvalues)), y_true] -= 1
        self.dinputs = self.dinputs / dvalues.shape[0]
"""


def test_a_loss_whose_backward_is_given_the_predictions(write: Any) -> None:
    written = write(PREDICTIONS.replace("SAMPLES", "len(dvalues)").replace("FACTOR", "1"))
    target = np.ones((2, 3))
    result, gradients = written.run("Loss_MeanSquaredError", y_pred=X, y_true=target)
    assert np.isclose(result.outputs[0], np.mean((X - target) ** 2))
    np.testing.assert_allclose(gradients.gradients["y_pred"], 2 * (X - target) / 6)
    labels = np.array([0, 2])
    probabilities = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    _, gradients = written.run("Softmax_Loss", inputs=X, y_true=labels)
    np.testing.assert_allclose(gradients.gradients["inputs"], (probabilities - np.eye(3)[labels]) / 2)
    # one that asks nothing of it has an upstream gradient, and losses one an example
    written = write(PREDICTIONS.replace("SAMPLES", "1").replace("FACTOR", "dvalues[:, None]"), "upstream.py")
    assert written.layer("Loss_MeanSquaredError").upstream_names == ("dvalues",)


@pytest.mark.parametrize(
    ("default", "made"),
    [
        ("data_type=np.float32", np.float64),
        ("dtype='float32'", "float64"),
        ("data_type=np.float16", np.float16),
        ("kind='float32'", "float32"),
    ],
)
def test_single_precision_by_default_is_double(write: Any, default: str, made: Any) -> None:
    name = default.partition("=")[0]
    written = write(
        f"""
        class Scale:
            def __init__(self, size, {default}):
                self.w = np.ones(size).astype({name})
            def forward(self, x):
                self.x = x
                return x * self.w
            def backward(self, grad):
                self.dw = (grad * self.x).sum(axis=0)
                return grad * self.w
        """
    )
    layer = written.layer("Scale")
    assert next(item.default for item in layer.arguments if item.name == name) == made
    assert any("double precision" in note for note in layer.notes) is (made in (np.float64, "float64"))


@pytest.mark.parametrize(("kept", "role"), [("self.h = hidden_dim", Role.SIZE), ("self.h = hidden_dim.copy()", None)])
def test_a_local_is_not_what_a_constructor_kept_under_its_name(write: Any, kept: str, role: Role | None) -> None:
    written = write(
        f"""
        class Cell:
            def __init__(self, in_dim, hidden_dim):
                {kept}
                h = self.h
                self.W = np.random.randn(3, in_dim)
                self.U = np.random.randn(h, 3) if h is hidden_dim else h
            def forward(self, x, h):
                self.kept = x, h
                return np.dot(self.W, x) + np.dot(h, self.U)
            def backward(self, grad):
                x, h = self.kept
                self.dW, self.dU = np.outer(grad, x), np.outer(h, grad)
                return self.W.T @ grad, self.U @ grad
        """
    )
    roles = {item.name: item.role for item in written.layer("Cell").arguments}
    assert roles["hidden_dim"] is (role or Role.PARAMETER)


def test_a_size_by_another_name_in_the_constructor(write: Any) -> None:
    written = write(
        """
        class Cell:
            def __init__(self, in_dim, hidden_dim):
                self.h = hidden_dim
                h = self.h
                self.W = np.random.randn(h, in_dim)
            def forward(self, x, h):
                self.x, self.h = x, h
                return self.W @ x + h
            def backward(self, grad):
                self.dW = np.outer(grad + 0 * self.h.T, self.x)
                return self.W.T @ grad, grad
        """
    )
    assert [item.role for item in written.layer("Cell").arguments][:2] == [Role.SIZE, Role.SIZE]


@pytest.mark.parametrize(
    ("init", "takes", "is_called"),
    [
        ("self.size = size", "std=0.01", True),
        ("self.size = size; self.init_param()", "std=0.01", False),
        ("self.size, self.weight = size, np.zeros(size)", "std=0.01", False),
        ("self.size = size", "std", False),
    ],
)
def test_parameters_that_a_method_makes_after_the_constructor(
    write: Any, init: str, takes: str, is_called: bool
) -> None:
    written = write(
        f"""
        class Scale:
            def __init__(self, size):
                {init}
            def init_param(self, {takes}):
                self.weight = np.ones(self.size)
            def forward(self, x):
                self.x = x
                return x * self.weight
            def backward(self, top_diff):
                self.d_weight = (top_diff * self.x).sum(axis=0)
                return top_diff * self.weight
        """
    )
    layer = written.layer("Scale")
    assert starter(written.module.namespace.Scale) == ("init_param" if is_called else "")
    own = [item.name for item in layer.arguments if item.role is Role.OWN_PARAMETER]
    assert own == ([] if takes == "std" else ["weight"])
    if own:
        _, gradients = written.run("Scale", size=3, x=X, weight=2 * np.ones(3))
        np.testing.assert_array_equal(gradients.gradients["weight"], X.sum(axis=0))


@pytest.mark.parametrize(
    ("taken", "handed", "is_found"),
    [
        ("*args, **kwargs", "*args, **kwargs", True),
        ("first, *args, **kwargs", "first, *args, **kwargs", True),
        ("*args, **kwargs", "*args[::-1], **kwargs", False),
    ],
)
def test_a_decorator_that_does_not_say_what_it_wraps(write: Any, taken: str, handed: str, is_found: bool) -> None:
    written = write(
        f"""
        def timer(label="", log=[].append):
            def around(function):
                def wrapper({taken}):
                    log((label, function.__name__))
                    return function({handed})
                return wrapper
            return around
        class Scale:
            def __init__(self, size):
                self.w = np.ones(size)
            @timer("forward")
            @timer()
            def forward(self, x):
                self.x = x
                return x * self.w
            @timer()
            def backward(self, dout):
                self.dw = (dout * self.x).sum(axis=0)
                return dout * self.w
        @timer()
        def twice_forward(x):
            return 2 * x, x
        @timer()
        def twice_backward(dout, cache):
            return 2 * dout
        """
    )
    asked = {name: [item.name for item in written.layer(name).arguments] for name in written.names}
    if not is_found:
        assert "x" not in asked["Scale"] and asked["twice"] == ["args"]
        return
    assert asked["Scale"] == ["size", "w", "x"] and asked["twice"] == ["x"]
    gradients = written.run("Scale", size=3, x=X)[1]
    np.testing.assert_array_equal(gradients.gradients["w"], X.sum(axis=0))
    np.testing.assert_array_equal(written.run("twice", x=X)[1].gradients["x"], 2 * np.ones_like(X))


@pytest.mark.parametrize(
    ("returned", "slope"),
    [
        ("x * 3 * self.y", 1.0),  # what comes from above
        ("3 * x**2", None),  # the derivative at its x
        ("0 * self.x + self.slope(x)", None),
        ("self.kept(x)", None),
    ],
)
def test_what_a_backward_calls_x_comes_from_above_where_it_has_its_x_already(
    write: Any, returned: str, slope: float | None
) -> None:
    written = write(
        f"""
        class Cube:
            def forward(self, x):
                self.y = x**2
                return x**3
            def kept(self, x):
                return 3 * self.y
            def slope(self, x):
                return 3 * x**2
            def backward(self, x):
                self.x = x
                return {returned}
        """
    )
    layer = written.layer("Cube")
    assert layer.upstream_names == (("x",) if slope else ())
    np.testing.assert_allclose(written.run("Cube", x=X)[1].gradients["x"], 3 * X**2)
