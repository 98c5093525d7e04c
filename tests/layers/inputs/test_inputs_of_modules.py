"""From a file to drawn inputs, through discovery: what the stages hand each other fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape, Case, Specification
from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.inputs.feasibility import has_window
from gradcheck_cli.layers.inputs.randomness import is_nondeterministic, repeatable
from gradcheck_cli.layers.inputs.sampling import draw
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.loading import load
from gradcheck_cli.layers.options import InputOptions

MODULE = '''
import numpy as np


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class Linear:
    def __init__(self, in_features, out_features):
        self.weight = np.zeros((out_features, in_features))
        self.bias = np.zeros(out_features)

    def forward(self, x):
        self.x = x
        return x @ self.weight.T + self.bias

    def backward(self, dout):
        self.dweight = dout.T @ self.x
        self.dbias = dout.sum(axis=0)
        return dout @ self.weight


class SoftmaxWithLoss:
    def forward(self, x, t):
        self.t = t
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx * dout / len(self.t)


class Dropout:
    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio

    def forward(self, x, train_flg=True):
        self.mask = np.random.rand(*x.shape) > self.dropout_ratio
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


def batchnorm_forward(x, gamma, beta, bn_param):
    """
    Input:
    - x: Data of shape (N, D)
    - gamma: Scale parameter of shape (D,)
    - beta: Shift parameter of shape (D,)
    - bn_param: Dictionary with the following keys:
      - mode: 'train' or 'test'; required
      - eps: Constant for numeric stability
      - running_mean: Array of shape (D,) giving running mean of features
    """
    eps = bn_param.get("eps", 1e-5)
    assert bn_param["mode"] == "train"
    mean, std = x.mean(axis=0), np.sqrt(x.var(axis=0) + eps)
    bn_param["running_mean"] = 0.9 * bn_param.get("running_mean", np.zeros(x.shape[1])) + 0.1 * mean
    normal = (x - mean) / std
    return gamma * normal + beta, (normal, std, gamma)


def batchnorm_backward(dout, cache):
    normal, std, gamma = cache
    d = dout * gamma
    dx = (d - d.mean(axis=0) - normal * (d * normal).mean(axis=0)) / std
    return dx, (dout * normal).sum(axis=0), dout.sum(axis=0)
'''


@pytest.fixture
def cases(tmp_path: Path) -> dict[str, list[Case]]:
    path = tmp_path / "written_layers.py"
    path.write_text(MODULE)
    module = load(path)
    options = InputOptions()
    found = {}
    for layer in find(module).layers:
        bound = repeatable(layer.bind(module.namespace), module.namespace, options.seed)
        specification = specify(layer, module, bound, options)
        found[layer.name] = [draw(layer, specification, bound, options, index) for index in range(3)]
        assert not is_nondeterministic(bound, found[layer.name][0].arguments)
    return found


def test_every_layer_is_drawn(cases: dict[str, list[Case]]) -> None:
    named = {name: {leaf.name: leaf.dimensions for leaf in drawn[0].leaves} for name, drawn in cases.items()}
    assert named == {
        "Affine": {"W": ("D", "M"), "b": ("M",), "x": ("N", "D")},
        "Linear": {
            "weight": ("out_features", "in_features"),
            "bias": ("out_features",),
            "x": ("N", "in_features"),
        },
        "SoftmaxWithLoss": {"x": ("N", "D")},
        "Dropout": {"x": ("N", "D")},
        "batchnorm": {"x": ("N", "D"), "gamma": ("D",), "beta": ("D",)},
    }
    for drawn in cases.values():
        assert [case.dimensions["N"] == 1 for case in drawn] == [False, False, True]


def test_own_parameters_are_drawn_anew_and_readable(cases: dict[str, list[Case]]) -> None:
    for case in cases["Linear"]:
        assert np.abs(case.arguments["weight"]).min() >= 0.05
        assert np.array_equal(case.arguments["weight"], np.round(case.arguments["weight"], 3))


def test_configuration_is_no_leaf_and_is_not_written_into(cases: dict[str, list[Case]]) -> None:
    case = cases["batchnorm"][0]
    assert case.arguments["bn_param"] == {"mode": "train"}
    assert case.differentiable == ("x", "gamma", "beta")


RECURRENT = '''
import numpy as np


class Recurrent:
    def __init__(self, input_dim, hidden_dim):
        self.W = np.zeros((input_dim, hidden_dim))
        self.U = np.zeros((hidden_dim, hidden_dim))

    def forward(self, x, h):
        """
        x: (N, D)
        h: (N, H)
        """
        self.x, self.h = x, h
        return x @ self.W + h @ self.U

    def backward(self, dout):
        self.dW, self.dU = self.x.T @ dout, self.h.T @ dout
        return dout @ self.W.T, dout @ self.U.T
'''


def specified(tmp_path: Path, source: str, **options: int) -> tuple[Case, tuple[str, ...]]:
    path = tmp_path / "written_layers.py"
    path.write_text(source)
    module, chosen = load(path), InputOptions(dimensions=options)
    (layer,) = find(module).layers
    bound = layer.bind(module.namespace)
    specification = specify(layer, module, bound, chosen)
    return draw(layer, specification, bound, chosen, 0), specification.notes


def test_a_name_of_the_docstring_may_be_a_size_that_the_constructor_takes(tmp_path: Path) -> None:
    case, notes = specified(tmp_path, RECURRENT)
    assert notes == ("D taken as input_dim, H taken as hidden_dim: the forward runs with no other size tried",)
    rows, width = case.arguments["W"].shape
    assert rows != width
    assert (case.arguments["x"].shape[1], case.arguments["h"].shape[1]) == (rows, width)


@pytest.mark.parametrize("name", ["D", "input_dim"])
def test_a_size_that_was_given_counts_for_both_names(tmp_path: Path, name: str) -> None:
    case, _ = specified(tmp_path, RECURRENT, **{name: 9})
    assert case.arguments["x"].shape[1] == case.arguments["W"].shape[0] == 9


def test_axes_the_wrong_way_round_stay_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not run with the shapes") as caught:
        specified(tmp_path, RECURRENT.replace("x: (N, D)", "x: (D, N)"))
    assert "two names are one dimension" in (caught.value.mend or "")


HEADS = """
import numpy as np


class Heads:
    def __init__(self, d_model, num_heads):
        assert d_model % num_heads == 0
        self.W, self.heads = np.zeros((d_model, d_model)), num_heads

    def forward(self, x):
        N, T, D = x.shape
        self.x = x
        return (x @ self.W).reshape(N, T, self.heads, D // self.heads).transpose(0, 2, 1, 3)

    def backward(self, dout):
        dout = dout.transpose(0, 2, 1, 3).reshape(self.x.shape)
        self.dW = np.einsum("ntd,ntm->dm", self.x, dout)
        return dout @ self.W.T
"""


def test_a_width_that_is_divided_into_heads_is_a_multiple_of_them(tmp_path: Path) -> None:
    case, notes = specified(tmp_path, HEADS)
    assert case.arguments["x"].ndim == 3
    assert case.arguments["x"].shape[-1] == case.arguments["W"].shape[0] == case.arguments["d_model"]
    assert any(note.startswith("shapes inferred by trying the forward") for note in notes)


@pytest.mark.parametrize("name", ["x", "A", "W", "gamma"])
def test_the_only_input_of_a_class_with_sizes_is_data(tmp_path: Path, name: str) -> None:
    source = f"""
import numpy as np


class Linear:
    def __init__(self, in_features, out_features):
        self.weight = np.zeros((out_features, in_features))

    def forward(self, {name}):
        self.{name} = {name}
        return {name} @ self.weight.T

    def backward(self, dout):
        self.dweight = dout.T @ self.{name}
        return dout @ self.weight
"""
    case, _ = specified(tmp_path, source)
    assert len({*case.arguments[name].shape, *case.arguments["weight"].shape}) == 3, "a batch has a size of its own"


NET = '''
import numpy as np


class Net:
    def __init__(self, input_size, output_size, words):
        """
        - input_size: The dimension D of the input data.
        - output_size: The number of classes C.
        - words: A dictionary with V entries.
        """
        self.params = {"W": np.zeros((input_size, output_size)), "E": np.zeros((len(words), 2))}

    def loss(self, X, y, captions, reg=0.0):
        """
        - X: Input data of shape (N, D).
        - y: Labels, of shape (N,), with 0 <= y[i] < C.
        - captions: Words, an integer array of shape (N, T), each in the range 0 <= y[i, t] < V
        """
        scores = X @ self.params["W"]
        loss = scores[np.arange(len(y)), y].sum() + self.params["E"][captions].sum()
        loss += reg * (self.params["W"] ** 2).sum()
        grads = {}
        return loss, grads
'''


@pytest.mark.parametrize("fixed", [{}, {"D": 9}, {"input_size": 9}])
def test_letters_in_what_is_said_of_the_constructor_are_its_sizes(tmp_path: Path, fixed: dict[str, int]) -> None:
    source = NET.replace("words", "word_to_idx")
    case, _ = specified(tmp_path, source, **fixed)
    rows, columns = case.arguments["W"].shape
    assert case.arguments["X"].shape[1] == rows == fixed.get("D", fixed.get("input_size", rows))
    assert case.arguments["y"].max() < columns == case.dimensions["C"]
    assert case.arguments["captions"].max() < len(case.arguments["word_to_idx"]) == case.dimensions["V"]
    assert case.arguments["reg"] == 0.1


def test_a_size_may_be_said_as_an_argument(tmp_path: Path) -> None:
    path = tmp_path / "written_layers.py"
    path.write_text(RECURRENT)
    module, chosen = load(path), InputOptions(arguments={"input_dim": 9})
    (layer,) = find(module).layers
    bound = layer.bind(module.namespace)
    specification = specify(layer, module, bound, chosen)
    for index in range(3):
        arguments = draw(layer, specification, bound, chosen, index).arguments
        assert arguments["x"].shape[1] == arguments["W"].shape[0] == arguments["input_dim"] == 9


ATTENTION = """
import numpy as np


class Attention:
    def __init__(self, embed_dim, NAMES):
        self.W = np.random.randn(embed_dim, embed_dim)
        self.heads = (NAMES)[0] if isinstance(NAMES, tuple) else NAMES
        assert embed_dim % self.heads == 0

    def forward(self, query, key, value, attn_mask=None):
        batch, length, width = query.shape
        self.kept = query, key, value
        return query @ self.W @ key.transpose(0, 2, 1) @ value

    def backward(self, dout):
        query, key, value = self.kept
        scores = query @ self.W @ key.transpose(0, 2, 1)
        dscores = dout @ value.transpose(0, 2, 1)
        self.dW = np.einsum("nsd,nst,nte->de", query, dscores, key)
        dquery = dscores @ key @ self.W.T
        return dquery, dscores.transpose(0, 2, 1) @ query @ self.W, scores.transpose(0, 2, 1) @ dout
"""


@pytest.mark.parametrize("names", ["num_heads", "kv_heads", "query_heads"])
def test_attention_that_is_made_with_its_width_and_heads(tmp_path: Path, names: str) -> None:
    path = tmp_path / "mylayer.py"
    path.write_text(ATTENTION.replace("NAMES", names), encoding="utf-8")
    module = load(path)
    (layer,) = find(module).layers
    shapes = specify(layer, module, layer.bind(module.namespace), InputOptions()).shapes
    assert shapes["query"].dimensions == ("N", "S", "embed_dim")
    assert shapes["key"].dimensions == shapes["value"].dimensions == ("N", "T", "embed_dim")
    assert shapes[names].values == ((1,) if names == "kv_heads" else (2,))


CONVOLUTION = '''
import numpy as np


class Conv1D:
    def __init__(self, kernel_size, stride):
        self.k, self.stride = kernel_size, stride

    def forward(self, x):
        """
        x: (batch_size, in_channel, NAME)
        """
        self.x = x
        count = (x.shape[2] - self.k) // self.stride + 1
        return np.stack([x[:, :, i * self.stride : i * self.stride + self.k].sum(axis=2) for i in range(count)], axis=2)

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        for i in range(dout.shape[2]):
            dx[:, :, i * self.stride : i * self.stride + self.k] += dout[:, :, i : i + 1]
        return dx
'''


@pytest.mark.parametrize("name", ["input_size", "length"])
def test_a_window_that_a_setting_says_slides_over_several_places(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mylayer.py"
    path.write_text(CONVOLUTION.replace("NAME", name), encoding="utf-8")
    module = load(path)
    (layer,) = find(module).layers
    bound = layer.bind(module.namespace)
    specification = specify(layer, module, bound, InputOptions())
    cases = [draw(layer, specification, bound, InputOptions(), index) for index in range(3)]
    assert [case.arguments["stride"] for case in cases] == [1, 2, 1]
    places = [(case.arguments["x"].shape[2] - 3) // case.arguments["stride"] + 1 for case in cases]
    assert min(places) > 1


@pytest.mark.parametrize(
    ("values", "found"),
    [({"kernel_size": 3}, True), ({"pool_param": {"pool_height": 2, "stride": 2}}, True), ({"kernel_size": 1}, False)],
)
def test_which_settings_are_windows(values: dict[str, Any], found: bool) -> None:
    shapes = {name: ArgumentShape(None, "config", "default", values=(value,)) for name, value in values.items()}
    assert has_window(Specification({**shapes, "stride": ArgumentShape(None, "config", "x", values=(2,))})) is found
