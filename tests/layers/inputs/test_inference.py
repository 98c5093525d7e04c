"""Shapes by trial: what textbooks print without a word must be understood, and a wrong backward must not sway it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.inputs.building import as_numpy
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.layer import BackwardResult, ForwardResult
from gradcheck_cli.layers.options import InputOptions
from tests.layers.handmade import Pair, drawn, make, specified

AFFINE = """
def affine_forward(x, W, b):
    return x @ W + b, (x, W)
"""


def _dimensions(source: str, name: str) -> dict[str, tuple[str | int, ...] | None]:
    return {argument: shape.dimensions for argument, shape in specified(source, name).shapes.items()}


@pytest.mark.parametrize(
    "gradients",
    [
        "dout @ W.T, x.T @ dout, dout.sum(0)",
        "dout @ W.T, x.T @ dout, dout",
        "dout @ W.T, dout.T @ x, dout.sum(0)",
        "dout @ W.T, x.T @ dout, dout.sum()",
        "dout @ W.T, x.T @ dout, dout.sum(1)",
        "dout @ W, x.T @ dout, dout.sum(0)",
        "dout @ W.T, x.T @ dout",
        "None",
    ],
)
def test_a_wrong_backward_does_not_sway_the_usual_shapes(gradients: str) -> None:
    backward = f"def affine_backward(dout, cache):\n    x, W = cache\n    return {gradients}\n"
    assert _dimensions(AFFINE + backward, "affine") == {"x": ("N", "D"), "W": ("D", "M"), "b": ("M",)}


def test_the_backward_tells_between_equally_usual_shapes() -> None:
    backward = """
def affine_backward(dout, cache):
    x, W = cache
    return dout @ W.T, x.T @ dout, dout.sum(0, keepdims=True)
"""
    assert _dimensions(AFFINE + backward, "affine")["b"] == (1, "M")


def test_the_backward_settles_the_rank_where_it_raises_otherwise() -> None:
    source = """
def softmax_forward(x):
    e = np.exp(x - x.max())
    return e / e.sum(), e / e.sum()
def softmax_backward(dout, s):
    return (np.diag(s) - np.outer(s, s)) @ dout
"""
    assert _dimensions(source, "softmax") == {"x": ("D",)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f_forward(x): return np.tanh(x)", {"x": ("N", "D")}),
        ("def f_forward(a, b): return a + b", {"a": ("N", "D"), "b": ("N", "D")}),
        ("def f_forward(a, b): return np.dot(a, b)", {"a": ("N", "D"), "b": ("D", "M")}),
        ("def f_forward(A_prev, W, b): return W @ A_prev + b", {"A_prev": ("D", "N"), "W": ("M", "D"), "b": ("M", 1)}),
        (
            "def f_forward(x, gamma, beta): return gamma * (x - x.mean(0)) + beta",
            {"x": ("N", "D"), "gamma": ("D",), "beta": ("D",)},
        ),
        (
            "def f_forward(x, prev_h, Wx, Wh, b): return np.tanh(x @ Wx + prev_h @ Wh + b)",
            {"x": ("N", "D"), "prev_h": ("N", "H"), "Wx": ("D", "H"), "Wh": ("H", "H"), "b": ("H",)},
        ),
        (
            "def f_forward(X, W1, b1, W2, b2): return np.maximum(X @ W1 + b1, 0) @ W2 + b2",
            {"X": ("N", "D"), "W1": ("D", "H1"), "b1": ("H1",), "W2": ("H1", "M"), "b2": ("M",)},
        ),
        ("def f_forward(Q, K, V):\n    return (Q @ K.T) @ V", {"Q": ("N", "D"), "K": ("T", "D"), "V": ("T", "M")}),
        (
            "def f_forward(x, w):\n    N, C, H, W = x.shape\n    return x.sum((2, 3)) @ w",
            {"x": ("N", "C", "H", "W"), "w": ("C", "M")},
        ),
    ],
)
def test_usual_layers(source: str, expected: dict[str, tuple[str | int, ...]]) -> None:
    assert _dimensions(source, "f") == expected


def test_lstm_needs_four_gates() -> None:
    source = """
def lstm_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    s = 1 / (1 + np.exp(-a))
    return s[:, :H] * np.tanh(a[:, 3 * H:]) + s[:, H:2 * H] * prev_c
"""
    assert _dimensions(source, "lstm")["Wx"] == ("D", "4*H")


def test_labels_are_integers_below_the_number_of_classes() -> None:
    source = """
def loss_forward(x, y):
    return -x[np.arange(len(x)), y].mean()
"""
    shape = specified(source, "loss").shapes["y"]
    assert (shape.dimensions, shape.kind, shape.values) == (("N",), "integer", ("D",))
    for index in range(3):
        case = drawn(source, "loss", index)
        assert 0 <= case.arguments["y"].min() <= case.arguments["y"].max() < case.arguments["x"].shape[1]
        assert case.differentiable == ("x",)


def test_an_index_into_rows_is_bounded_by_them_and_repeats() -> None:
    source = """
def embedding_forward(words, table):
    return table[words]
"""
    shape = specified(source, "embedding").shapes["words"]
    assert (shape.kind, shape.values, shape.domain) == ("integer", ("V",), "repeated")
    drawn_words = drawn(source, "embedding").arguments["words"]
    assert len(set(drawn_words.ravel().tolist())) < drawn_words.size


def test_targets_are_one_hot_where_labels_do_not_work() -> None:
    source = """
def loss_forward(x, t):
    return -np.sum(t * np.log(np.exp(x) / np.exp(x).sum(1, keepdims=True))) / len(x)
"""
    case = drawn(source, "loss")
    assert (case.arguments["t"].sum(axis=1) == 1).all()
    assert case.differentiable == ("x",)


def test_a_name_for_labels_is_data_where_its_gradient_comes_back() -> None:
    source = """
def multiply_forward(x, y):
    return x * y, (x, y)
def multiply_backward(dout, cache):
    return dout * cache[1], dout * cache[0]
"""
    assert drawn(source, "multiply").differentiable == ("x", "y")


def test_what_was_inferred_is_said() -> None:
    (note,) = specified(AFFINE.replace("(x, W)", "0"), "affine").notes
    assert note == (
        "shapes inferred by trying the forward: x (N=4, D=5), W (D=5, M=3), b (M=3,); say otherwise with --shape x=N,D"
    )


def test_the_rest_is_inferred_where_one_shape_is_given() -> None:
    shapes = specified(AFFINE.replace("(x, W)", "0"), "affine", shapes={"W": ("in", "out")}).shapes
    assert shapes["W"].source == "--shape"
    assert shapes["x"].dimensions == ("N", "in")
    assert shapes["b"].dimensions in (("out",), ("M",))


def test_impossible_shapes_name_the_arguments_and_the_line_to_add() -> None:
    source = """
def odd_forward(q, z):
    return q.reshape(23, 29) + z
"""
    begin = time.process_time()
    with pytest.raises(UserError) as caught:
        specified(source, "odd")
    assert time.process_time() - begin < 10
    assert caught.value.code == "GC503"
    assert "`q`, `z` of `odd`" in caught.value.message
    assert caught.value.mend is not None
    assert "--shape q=N,D --shape z=D,M" in caught.value.mend
    assert "guessed" not in caught.value.mend
    with pytest.raises(UserError, match="no small shapes") as caught:
        specified("def odd_forward(q, n_iter: int): return q.reshape(23, 29) + n_iter", "odd")
    assert str(caught.value.mend).endswith("values that are guessed, too: `--arg n_iter=JSON`")


def test_a_forward_that_asks_for_float32_is_told_how_to_get_it() -> None:
    source = """
def narrow_forward(q):
    if q.dtype != 'float32':
        raise ValueError('only float32 is implemented')
    return q * 2 @ 1
"""
    with pytest.raises(UserError, match="no small shapes") as caught:
        specified(source, "narrow")
    assert str(caught.value.mend).endswith("; it asks for another dtype: `--dtype float32`")
    with pytest.raises(UserError, match="no small shapes") as caught:
        specified(source, "narrow", dtype="float32")
    assert "--dtype" not in str(caught.value.mend)


def test_a_stub_has_nothing_to_differentiate() -> None:
    with pytest.raises(UserError) as caught:
        specified("def stub_forward(x, w): pass", "stub")
    assert caught.value.code == "GC502"
    assert "nothing to differentiate" in caught.value.message


def test_integers_are_found_where_only_the_users_helper_tells() -> None:
    source = """
class Table:
    def __init__(self, W): self.W = W
    def look(self, rows): return self.W[rows]
def lookup_forward(W, xs):
    N, T = xs.shape
    return np.stack([Table(W).look(xs[:, t]) for t in range(T)], axis=1)
"""
    shapes = specified(source, "lookup").shapes
    assert (shapes["xs"].kind, shapes["xs"].dimensions) == ("integer", ("N", "T"))
    assert shapes["xs"].values == (shapes["W"].dimensions or ("",))[:1]


def test_a_convention_that_counts_gradients_by_position_tells_data_from_targets() -> None:
    """A bound layer that names a gradient for `y` whether or not it was asked for: classes do so."""
    source = """
def multiply_forward(x, y):
    return x * y, (x, y)
def multiply_backward(dout, cache):
    return dout * cache[1], dout * cache[0]
"""
    layer, module, pair = make(source, "multiply")

    class Named(Pair):
        def backward(self, result: ForwardResult, cotangents: Any, differentiable: tuple[str, ...]) -> BackwardResult:
            returned = self.backward_function(*cotangents, result.residuals)
            return BackwardResult(dict(zip("xy", returned)), 2, 2)

    bound = Named(pair.forward_function, pair.backward_function, ())
    assert specify(layer, module, bound, InputOptions()).shapes["y"].kind == "float"


def test_a_number_is_no_array_though_one_would_broadcast() -> None:
    layer, module, bound = make("def f_forward(x, g, tau): return x * g / (x * x + tau)", "f")
    shapes = specify(layer, module, bound, InputOptions()).shapes
    assert [shapes[name].dimensions for name in ("x", "g", "tau")] == [("N", "D"), ("D",), ()]


def test_a_dtype_handed_in_is_no_array() -> None:
    source = """
def scale_forward(x, data_type=np.float32):
    return x.astype(data_type), None
def scale_backward(dout, cache):
    return dout
"""
    case = drawn(source, "scale")
    assert as_numpy(case.arguments)["data_type"] is np.float32
    assert isinstance(as_numpy({"x": np.float32(1)})["x"], np.ndarray)


COLUMN = """
def softmax_forward(x):
    y = np.exp(x) / np.exp(x).sum()
    return y, y
def softmax_backward(dout, y):
    return ((np.eye(y.size) - y.T) * y) @ dout FACTOR
"""


def test_of_shapes_that_fit_the_one_at_which_the_backward_is_right() -> None:
    assert _dimensions(COLUMN.replace("FACTOR", ""), "softmax") == {"x": ("D", 1)}
    # at none: the more usual
    assert _dimensions(COLUMN.replace("FACTOR", "* 2"), "softmax") == {"x": ("D",)}


def test_a_bias_that_is_stepped_has_one_column() -> None:
    source = """
def dense_forward(x, W, b):
    return W @ x + b, (x, W, b)
def dense_backward(dout, cache):
    x, W, b = cache
    b = b.copy()
    b -= 0.1 * dout
    return W.T @ dout, dout @ x.T, dout
"""
    assert _dimensions(source, "dense") == {"x": ("D", 1), "W": ("M", "D"), "b": ("M", 1)}
