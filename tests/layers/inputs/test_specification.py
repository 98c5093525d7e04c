"""The order of the sources, configuration, and what is said where the forward does not run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.inputs.sampling import draw
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.options import InputOptions
from tests.layers.handmade import drawn, make, specified

DOCUMENTED = '''
def affine_forward(x, w, b):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    - b: of shape (M,)
    """
    return x @ w + b
'''


def test_the_first_source_that_speaks_wins() -> None:
    source = '''
def f_forward(x: 'Float[Array, "batch din"]', w):
    """
    - x: of shape (A, B)
    - w: of shape (B, C)
    """
    return x.sum() * w
'''
    layer, module, bound = make(source, "f")
    shapes = specify(layer, module, bound, InputOptions()).shapes
    assert (shapes["x"].dimensions, shapes["x"].source) == (("batch", "din"), "annotation")
    assert (shapes["w"].dimensions, shapes["w"].source) == (("B", "C"), "docstring")
    layer, module, bound = make(source, "f", declared_inputs={"x": "P,Q"})
    shapes = specify(layer, module, bound, InputOptions()).shapes
    assert (shapes["x"].dimensions, shapes["x"].source) == (("P", "Q"), "layer(inputs=)")
    shapes = specify(layer, module, bound, InputOptions(shapes={"x": ("R", 2)})).shapes
    assert (shapes["x"].dimensions, shapes["x"].source) == (("R", 2), "--shape")


@pytest.mark.parametrize(
    ("declared", "shape"), [("N,D", None), (("N", "D"), None), ((4, 5), (4, 5)), ("4,5", (4, 5)), (("N", 3), None)]
)
def test_declared_shapes(declared: Any, shape: tuple[int, ...] | None) -> None:
    layer, module, bound = make("def f_forward(x): return x * 2", "f", declared_inputs={"x": declared})
    case = draw(layer, specify(layer, module, bound, InputOptions()), bound, InputOptions(), 0)
    assert case.arguments["x"].ndim == 2
    assert shape is None or case.arguments["x"].shape == shape


def test_declared_arrays_are_taken_as_they_are_and_copied() -> None:
    given = np.array([[1.0, 2.0], [3.0, 4.0]])
    layer, module, bound = make("def f_forward(x): return x * 2", "f", declared_inputs={"x": given})
    case = draw(layer, specify(layer, module, bound, InputOptions()), bound, InputOptions(), 0)
    assert np.array_equal(case.arguments["x"], given)
    assert not np.shares_memory(case.arguments["x"], given)


def test_declared_trees() -> None:
    source = "def f_forward(params, x): return x @ params['w'] + params['more'][0]"
    inputs = {"params": {"w": "D,M", "more": ["M"]}, "x": "N,D"}
    layer, module, bound = make(source, "f", declared_inputs=inputs)
    case = draw(layer, specify(layer, module, bound, InputOptions()), bound, InputOptions(), 0)
    assert [leaf.name for leaf in case.leaves] == ["params['w']", "params['more'][0]", "x"]
    assert [leaf.dimensions for leaf in case.leaves] == [("D", "M"), ("M",), ("N", "D")]


def test_a_function_makes_the_inputs() -> None:
    source = """
def cube_forward(x, k): return x ** 3 * k
def cube_inputs(rng): return {"x": rng.normal(size=(2, 3)), "k": 2}
"""
    case = drawn(source, "cube")
    assert case.arguments["x"].shape == (2, 3)
    assert case.arguments["k"] == 2
    assert case.differentiable == ("x",)
    assert np.array_equal(case.arguments["x"], drawn(source, "cube").arguments["x"])
    assert not np.array_equal(case.arguments["x"], drawn(source, "cube", seed=1).arguments["x"])


@pytest.mark.parametrize("returned", ["{'x': 1.0, 'wrong': 2}", "(1, 2, 3, 4)", "1 / 0", "{}"])
def test_a_wrong_inputs_function_is_the_users_to_mend(returned: str) -> None:
    source = f"def cube_forward(x): return x ** 3\ndef cube_inputs(rng): return {returned}\n"
    with pytest.raises(UserError, match="makes the inputs of `cube`"):
        drawn(source, "cube")


def test_wrong_documented_shapes_are_told_with_their_source() -> None:
    with pytest.raises(UserError) as caught:
        specified(DOCUMENTED.replace("(D, M)", "(M, D)"), "affine")
    assert caught.value.code == "GC502"
    assert "w (M, D) (docstring)" in caught.value.message
    assert "ValueError" in caught.value.message
    assert caught.value.mend is not None
    assert "axes the wrong way round" in caught.value.mend


def test_an_undocumented_product_of_axes_is_found_and_said() -> None:
    source = '''
def affine_forward(x, w):
    """
    - x: of shape (N, d_1, ..., d_k)
    - w: of shape (D, M)
    """
    return x.reshape(len(x), -1) @ w
'''
    specification = specified(source, "affine")
    assert specification.derived == {"D": "d_1*d_2"}
    assert any("D taken as d_1 * d_2" in note for note in specification.notes)
    sizes = drawn(source, "affine").dimensions
    assert sizes["D"] == sizes["d_1"] * sizes["d_2"]


def test_keys_that_the_docstring_lists_get_usual_values_and_several_settings() -> None:
    source = '''
def conv_forward(x, conv_param):
    """
    - x: of shape (N, C, H, W)
    - conv_param: A dictionary with the following keys:
      - 'stride': the step
      - 'pad': the zeros around
    """
    return x * conv_param['stride'] + conv_param['pad']
'''
    settings = [drawn(source, "conv", index).arguments["conv_param"] for index in range(3)]
    assert settings == [{"stride": 1, "pad": 1}, {"stride": 2, "pad": 0}, {"stride": 1, "pad": 1}]
    assert any("conv_param = {'stride': 1, 'pad': 1}" in note for note in specified(source, "conv").notes)


def test_keys_that_the_forward_reads() -> None:
    source = """
def norm_forward(x, bn_param):
    if bn_param['mode'] != 'train':
        raise ValueError(bn_param['mode'])
    return x / np.sqrt(x.var(0) + bn_param.get('eps', 1e-5))
"""
    assert drawn(source, "norm").arguments["bn_param"] == {"mode": "train"}


def test_a_setting_that_does_not_run_is_left_out() -> None:
    source = """
def conv_forward(x, conv_param):
    assert conv_param['stride'] == 1
    return x * conv_param['pad']
"""
    assert len(specified(source, "conv").shapes["conv_param"].values) == 1


def test_arguments_from_the_command_line() -> None:
    source = "def f_forward(x, conv_param): return x * conv_param['a']"
    assert drawn(source, "f", arguments={"conv_param": {"a": 7}}).arguments["conv_param"] == {"a": 7}
    case = drawn(source, "f", arguments={"conv_param": {"a": 7}, "x": [[1, 2], [3, 4]]})
    assert case.arguments["x"].dtype == np.float64
    assert case.differentiable == ("x",)


def test_dimensions_from_the_command_line() -> None:
    for index in range(2):
        assert drawn(DOCUMENTED, "affine", index, dimensions={"D": 9}).arguments["w"].shape[0] == 9


def test_defaults_are_kept_and_optional_biases_are_inferred() -> None:
    source = """
def f_forward(x, w, b=None, scale=2.5, train=True, mask=None):
    out = x @ w * scale
    return out if b is None else out + b
"""
    case = drawn(source, "f")
    assert (case.arguments["scale"], case.arguments["train"], case.arguments["mask"]) == (2.5, True, None)
    assert case.differentiable == ("x", "w", "b")


def test_a_documented_dictionary_of_arrays_is_differentiable() -> None:
    source = '''
def net_forward(x, params):
    """
    - x: of shape (N, D)
    - params: dictionary with
      - W: of shape (D, H)
      - b: of shape (H,)
    """
    return x @ params['W'] + params['b']
'''
    assert [leaf.name for leaf in drawn(source, "net").leaves] == ["x", "params['W']", "params['b']"]


@pytest.mark.parametrize(
    ("source", "domain"),
    [
        ("def f_forward(x): return np.sqrt(x)", "positive"),
        ("def f_forward(x): return np.log(x) + np.log(1 - x)", "unit"),
        ("def f_forward(A): return np.linalg.cholesky(A)", "definite"),
        ("def f_forward(x): return np.sin(x)", ""),
    ],
)
def test_values_lie_where_the_forward_is_finite(source: str, domain: str) -> None:
    (shape,) = specified(source, "f").shapes.values()
    assert shape.domain == domain
    for index in range(3):
        case = drawn(source, "f", index)
        _, _, bound = make(source, "f")
        assert all(np.isfinite(output).all() for output in bound.evaluate(dict(case.arguments)))


SCATTER = '''
import numpy as np
def mix_forward(h, scores, {name}):
    """
    - h: of shape (V, D)
    - scores: of shape (N, C)
    - {name}: integers, of shape ({shape},), where 0 <= {name}[i] < {bound}
    """
    return h[{name} % len(h)].sum() + scores.sum()
'''


@pytest.mark.parametrize(("name", "shape", "bound"), [("target", "E", "V"), ("labels", "E", "V"), ("source", "E", "V")])
def test_indices_of_rows_repeat_whatever_their_name(name: str, shape: str, bound: str) -> None:
    case = drawn(SCATTER.format(name=name, shape=shape, bound=bound), "mix", dimensions={"E": 2})
    assert len(set(case.arguments[name].tolist())) == 1


@pytest.mark.parametrize("name", ["target", "labels"])
def test_labels_of_columns_are_as_different_as_can_be(name: str) -> None:
    case = drawn(SCATTER.format(name=name, shape="N", bound="C"), "mix", dimensions={"N": 2})
    assert len(set(case.arguments[name].tolist())) == 2


@pytest.mark.parametrize(("limits", "inside"), [("1e-7, 1 - 1e-7", True), ("-1, 1", False)])
def test_what_a_forward_clips_to_probabilities_is_drawn_as_such(limits: str, inside: bool) -> None:
    source = f"""
def entropy_forward(y_pred):
    p = np.clip(y_pred, {limits})
    return -(p * p).sum(), p
def entropy_backward(dout, p):
    return -2 * dout * p
"""
    values = drawn(source, "entropy").arguments["y_pred"]
    assert bool(((values > 0) & (values < 1)).all()) is inside
