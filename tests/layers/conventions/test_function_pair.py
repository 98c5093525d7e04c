from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.layer import Convention, Role

X, W, B = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4), np.arange(4.0)


@pytest.mark.parametrize(
    ("forward", "backward", "name"),
    [
        ("affine_forward", "affine_backward", "affine"),
        ("affine", "affine_backward", "affine"),
        ("forward_affine", "backward_affine", "affine"),
        ("affine_fwd", "affine_bwd", "affine"),
        ("affine", "affine_grad", "affine"),
        ("affine", "d_affine", "affine"),
        ("affine", "daffine", "affine"),
        ("affine", "affine_vjp", "affine"),
        ("affine", "grad_affine", "affine"),
        ("affineForward", "affineBackward", "affine"),
        ("affine_fprop", "affine_bprop", "affine"),
        ("forward", "backward", "forward"),
        ("conv_forward_naive", "conv_backward_naive", "conv_naive"),
        ("conv_forward", "conv_backward_alt", "conv_alt"),
        ("_affine_forward", "_affine_backward", "affine"),
    ],
)
def test_pairs_are_known_by_their_names(write: Any, forward: str, backward: str, name: str) -> None:
    written = write(
        f"""
        def {forward}(x, w, b):
            return x @ w + b, (x, w)
        def {backward}(dout, cache):
            x, w = cache
            dx = dout @ w.T
            dw = x.T @ dout
            db = dout.sum(0)
            return dx, dw, db
        """
    )
    assert written.names == [name]
    layer = written.layer(name)
    assert layer.convention is Convention.FUNCTION_PAIR
    assert (layer.forward_line, layer.line) == (3, 5)
    assert [item.gradient_name for item in layer.arguments] == ["dx", "dw", "db"]
    assert not layer.unit_upstream
    assert backward in layer.aliases
    result, gradients = written.run(name, x=X, w=W, b=B)
    np.testing.assert_array_equal(result.outputs[0], X @ W + B)
    np.testing.assert_array_equal(gradients.gradients["w"], X.T @ np.ones((2, 4)))
    assert (gradients.returned, gradients.expected) == (3, 3)


def test_one_forward_may_have_several_backwards_and_suffixes_keep_together(write: Any) -> None:
    written = write(
        """
        def norm_forward(x): return x, 1.0
        def norm_backward(dout, cache): return 1 * dout
        def norm_backward_alt(dout, cache): return 2 * dout
        def conv_forward_naive(x): return x, 1.0
        def conv_backward_naive(dout, cache): return 3 * dout
        def conv_forward_fast(x): return x, 1.0
        def conv_backward_fast(dout, cache): return 4 * dout
        """
    )
    assert written.names == ["norm", "norm_alt", "conv_naive", "conv_fast"]
    factors = [written.run(name, x=X)[1].gradients["x"][0, 0] for name in written.names]
    assert factors == [1, 2, 3, 4]
    assert [written.layer(name).forward_line for name in written.names] == [3, 3, 6, 8]


@pytest.mark.parametrize(
    ("signature", "call"),
    [
        ("dout, cache", "x, w = cache"),
        ("cache, dout", "x, w = cache"),
        ("dout, x, w", ""),
        ("x, w, dout", ""),
        ("dA, cache", "x, w = cache; dout = dA"),
        ("upstream, cache", "x, w = cache; dout = upstream"),
        ("grad_output, residuals", "x, w = residuals; dout = grad_output"),
        ("g, res", "x, w = res; dout = g"),
        ("zzz, kept", "x, w = kept; dout = zzz"),
        ("dout, cache, verbose=False", "x, w = cache"),
        ("dout, cache, *, scale=1.0", "x, w = cache"),
    ],
)
def test_the_backwards_parameters_are_resolved_by_name_and_position(write: Any, signature: str, call: str) -> None:
    written = write(
        f"""
        def mul_forward(x, w):
            return x @ w, (x, w)
        def mul_backward({signature}):
            {call or "pass"}
            return dout @ w.T, x.T @ dout
        """
    )
    _, gradients = written.run("mul", x=X, w=W)
    np.testing.assert_array_equal(gradients.gradients["x"], np.ones((2, 4)) @ W.T)
    np.testing.assert_array_equal(gradients.gradients["w"], X.T @ np.ones((2, 4)))


def test_a_backward_may_take_the_output_alone_or_beside_the_cache(write: Any) -> None:
    written = write(
        """
        def sigmoid(x):
            s = 1 / (1 + np.exp(-x))
            return s
        def sigmoid_grad(s):
            return s * (1 - s)
        def tanh_forward(x):
            y = np.tanh(x)
            return y
        def tanh_backward(dy, y):
            return dy * (1 - y**2)
        def exp_forward(x):
            out = np.exp(x)
            return out, x
        def exp_backward(dout, out, cache):
            assert cache is not out
            return dout * out
        def relu(x):
            return np.maximum(x, 0)
        def relu_backward(dout, z):
            return dout * (z > 0)
        """
    )
    s = 1 / (1 + np.exp(-X))
    np.testing.assert_allclose(written.run("sigmoid", x=X)[1].gradients["x"], s * (1 - s))
    assert written.layer("sigmoid").unit_upstream
    np.testing.assert_allclose(written.run("tanh", x=X)[1].gradients["x"], 1 - np.tanh(X) ** 2)
    np.testing.assert_allclose(written.run("exp", x=X)[1].gradients["x"], np.exp(X))
    np.testing.assert_allclose(written.run("relu", x=X)[1].gradients["x"], X > 0)


def test_several_outputs_have_several_upstream_gradients_and_the_cache_last(write: Any) -> None:
    written = write(
        """
        def step_forward(x, h, c):
            next_h, next_c = x + h, 2 * x + 3 * c
            return next_h, next_c, "cache"
        def step_backward(dnext_h, dnext_c, cache):
            assert cache == "cache"
            return dnext_h + 2 * dnext_c, dnext_h, 3 * dnext_c
        def pair_forward(x):
            return x, 5 * x
        def pair_backward(grads):
            da, db = grads
            return da + 5 * db
        """
    )
    layer = written.layer("step")
    assert layer.upstream_names == ("dnext_h", "dnext_c")
    result, gradients = written.run("step", x=X, h=X, c=X)
    assert len(result.outputs) == 2
    assert [gradients.gradients[name][0, 0] for name in "xhc"] == [3, 1, 3]
    result, gradients = written.run("pair", x=X)
    assert len(result.outputs) == 1 and isinstance(result.outputs[0], tuple)
    assert gradients.gradients["x"][0, 0] == 6


@pytest.mark.parametrize(
    "returned",
    [
        "{'dx': 1 * dout, 'dw': 2 * dout}",
        "{'x': 1 * dout, 'w': 2 * dout}",
        "{'w_grad': 2 * dout, 'x_grad': 1 * dout}",
        "[1 * dout, 2 * dout]",
        "(1 * dout, 2 * dout)",
    ],
)
def test_gradients_come_as_tuple_list_or_dict(write: Any, returned: str) -> None:
    written = write(f"def add_forward(x, w): return x + 2 * w, 0\ndef add_backward(dout, cache): return {returned}\n")
    _, gradients = written.run("add", x=X, w=X)
    assert (gradients.gradients["x"][0, 0], gradients.gradients["w"][0, 0]) == (1, 2)


def test_unknown_keys_and_a_surplus_are_told_and_not_dropped(write: Any) -> None:
    written = write(
        """
        def a_forward(x, w): return x + w, 0
        def a_backward(dout, cache): return {"dx": dout, "dq": dout}
        def b_forward(x, w): return x + w, 0
        def b_backward(dout, cache): return dout, dout, dout
        def c_forward(x, w): return x + w, 0
        def c_backward(dout, cache): return dout
        """
    )
    assert written.run("a", x=X, w=X)[1].unknown == ("dq",)
    b = written.run("b", x=X, w=X)[1]
    assert (b.returned, b.expected, len(b.surplus)) == (3, 2, 1)
    c = written.run("c", x=X, w=X)[1]
    assert (c.returned, c.expected, set(c.gradients)) == (1, 2, {"x"})


def test_a_dict_reaches_into_a_dict_of_parameters(write: Any) -> None:
    written = write(
        """
        def cell_forward(xt, parameters):
            return xt @ parameters["Wax"] + parameters["ba"], (xt, parameters)
        def cell_backward(da, cache):
            xt, parameters = cache
            return {"dxt": da @ parameters["Wax"].T, "dWax": xt.T @ da, "dba": da.sum(0)}
        def net_forward(x, params): return x @ params["w"], (x, params)
        def net_backward(dout, cache):
            x, params = cache
            grads = {"w": x.T @ dout}
            return dout @ params["w"].T, grads
        """
    )
    _, gradients = written.run("cell", xt=X, parameters={"Wax": W, "ba": B})
    assert gradients.gradients["xt"].shape == X.shape
    np.testing.assert_array_equal(gradients.gradients["parameters"]["Wax"], X.T @ np.ones((2, 4)))
    _, gradients = written.run("net", x=X, params={"w": W})
    assert gradients.gradients["params"]["w"].shape == W.shape


SWAPPED = """
def mul_forward(x, w):
    return x * w, (x, w)
def mul_backward(dout, cache):
    '''{}'''
    x, w = cache
    dx = w * dout
    dw = x * dout
    return dw, dx
"""


@pytest.mark.parametrize(
    ("docstring", "by_name"),
    [
        ("Returns a tuple of:\n    - dw: gradient with respect to w\n    - dx: gradient with respect to x", True),
        ("Returns a tuple of:\n    - dx: gradient with respect to x\n    - dw: gradient with respect to w", False),
        ("Backward of a product.", False),
    ],
)
def test_position_decides_unless_the_docstring_lists_the_same_other_order(
    write: Any, docstring: str, by_name: bool
) -> None:
    written = write(SWAPPED.format(docstring))
    _, gradients = written.run("mul", x=2 * np.ones(3), w=5 * np.ones(3))
    assert gradients.gradients["x"][0] == (5 if by_name else 2)


def test_labels_need_no_gradient_and_may_have_a_none(write: Any) -> None:
    written = write(
        """
        def pick_forward(x, index): return x[index], (x, index)
        def pick_backward(dout, cache): return dout, None
        def take_forward(x, index): return x[index], (x, index)
        def take_backward(dout, cache): return dout
        def mse(pred, target): return ((pred - target) ** 2).sum()
        def mse_backward(dout, pred, target): return 2 * dout * (pred - target)
        def product_forward(x, y): return x * y, (x, y)
        def product_backward(dout, cache): return dout
        """
    )
    index = np.array([0, 1])
    for name in ("pick", "take"):
        gradients = written.run(name, x=X, index=index)[1]
        assert gradients.returned == gradients.expected
        assert gradients.gradients["x"] is not None
    assert [item.differentiated for item in written.layer("mse").arguments] == [True, False]
    # a missing gradient of an input that is no label must not be excused
    product = written.run("product", x=X, y=X)[1]
    assert (product.returned, product.expected) == (1, 2)


def test_settings_are_told_from_inputs(write: Any) -> None:
    written = write(
        '''
        def group_forward(x, gamma, G, conv_param, mode, eps=1e-5, train=True, scale: float = 1.0, mask=None):
            """
            - x: input data, of shape (N, C)
            - gamma: scale, of shape (C,)
            - G: integer number of groups
            """
            if mode == "train":
                pass
            return x * gamma, (x, gamma)
        def group_backward(dout, cache):
            x, gamma = cache
            return dout * gamma, (dout * x).sum(0)
        def elu_forward(x, alpha=1.0): return x, x
        def elu_backward(dout, cache):
            dx, dalpha = dout, 0.0
            return dx, dalpha
        '''
    )
    roles = {item.name: item.role for item in written.layer("group").arguments}
    assert [name for name, role in roles.items() if role is Role.INPUT] == ["x", "gamma"]
    assert {role for name, role in roles.items() if name not in ("x", "gamma")} == {Role.CONFIG}
    # a default does not make a setting of what has a gradient
    assert written.layer("elu").arguments[1].role is Role.INPUT
    assert written.layer("elu").arguments[1].default == 1.0


@pytest.mark.parametrize(
    ("forward", "backward", "says", "mend", "line"),
    [
        ("pass", "return dout", "`f_forward` returned None", "return out, cache", 2),
        ("return x", "return dout", "returned 1 value, but `f_backward` takes 1 upstream gradient", "out, cache", 2),
        ("return None, x", "return dout", "None as an output", "write the forward", 2),
    ],
)
def test_stubs_and_wrong_arity_are_errors_with_their_mend(
    write: Any, forward: str, backward: str, says: str, mend: str, line: int
) -> None:
    written = write(f"def f_forward(x):\n    {forward}\ndef f_backward(dout, cache):\n    {backward}\n")
    with pytest.raises(UserError) as caught:
        written.run("f", x=X)
    assert caught.value.code == "GC502"
    assert says in caught.value.message
    assert mend in (caught.value.mend or "")
    assert caught.value.line == line


def test_a_forward_that_returns_its_cache_beside_an_element_of_it(write: Any) -> None:
    written = write(
        """
        def f_forward(cost):
            total = np.cumsum(cost)
            return total[-1], total
        def f_backward(dout, total):
            return dout * np.ones(total.shape)
        """
    )
    result, backward = written.run("f", cost=X[0])
    assert np.ndim(result.outputs[0]) == 0
    assert backward.gradients["cost"].shape == X[0].shape


def test_too_few_outputs_for_the_upstream_gradients(write: Any) -> None:
    written = write("def f_forward(x): return x, 1\ndef f_backward(dh, dc, cache): return dh\n")
    with pytest.raises(
        UserError, match=r"returned 2 values, but `f_backward` takes 2 upstream gradients \(`dh`, `dc`\)"
    ):
        written.run("f", x=X)


def test_a_parameter_that_nothing_explains_is_named(write: Any) -> None:
    written = write("def f_forward(x): return x\ndef f_backward(dout, x, riddle): return dout\n")
    with pytest.raises(UserError, match="`f_backward` takes `riddle`") as caught:
        written.run("f", x=X)
    assert "riddle" in (caught.value.mend or "")


def test_half_a_pair_is_noted_and_what_is_imported_does_not_count(write: Any, tmp_path: Any) -> None:
    (tmp_path / "other.py").write_text("def mul_forward(x): return x, x\ndef mul_backward(d, c): return d\n")
    written = write(
        """
        from other import mul_forward, mul_backward
        def lonely_forward(x): return x, x
        def solitary_backward(dout, cache): return dout
        def test_affine_backward(): pass
        def affine_forward(x): return x, x
        def affine_backward(dout, cache): return dout
        """
    )
    assert written.names == ["affine"]
    assert any("lonely_forward" in note for note in written.discovery.notes)
    assert any("solitary_backward" in note for note in written.discovery.notes)


def test_a_layer_is_found_again_in_another_copy_of_its_module(write: Any) -> None:
    from types import ModuleType

    written = write("K = 2\ndef f_forward(x): return K * x, 0\ndef f_backward(dout, cache): return K * dout\n")
    copy = ModuleType("copy")
    exec(compile(written.module.source, str(written.module.path), "exec"), copy.__dict__)
    copy.K = 7  # type: ignore[attr-defined]
    bound = written.layer("f").bind(copy)
    assert bound.evaluate({"x": np.ones(1)})[0][0] == 7
    assert written.layer("f").bind(written.module.namespace).evaluate({"x": np.ones(1)})[0][0] == 2


def test_decorated_partial_and_keyword_only_functions_pair(write: Any) -> None:
    written = write(
        """
        import functools
        def logged(f):
            @functools.wraps(f)
            def inner(*a, **k): return f(*a, **k)
            return inner
        @logged
        def scale_forward(x, *, factor=3.0): return factor * x, factor
        @logged
        def scale_backward(dout, cache): return cache * dout
        twice_forward = functools.partial(scale_forward, factor=2.0)
        twice_backward = lambda dout, cache: 2.0 * dout
        """
    )
    assert written.names == ["scale", "twice"]
    assert written.run("scale", x=X)[1].gradients["x"][0, 0] == 3
    assert written.run("twice", x=X)[1].gradients["x"][0, 0] == 2


@pytest.mark.parametrize("kept", ["difference", "data", "distances", "diff", "denominator", "dims", "dropped"])
def test_a_cache_that_is_a_word_in_d_is_no_second_upstream_gradient(write: Any, kept: str) -> None:
    written = write(
        f"""
        def square_forward(a, b):
            return ((a - b) ** 2).sum(), a - b
        def square_backward(dout, {kept}):
            return 2 * dout * {kept}, -2 * dout * {kept}
        """
    )
    assert written.layer("square").upstream_names == ("dout",)
    result, gradients = written.run("square", a=X, b=X + 1)
    assert len(result.outputs) == 1
    np.testing.assert_array_equal(gradients.gradients["a"], np.full((2, 3), -2.0))


def test_beside_one_upstream_gradient_another_of_any_name_in_d_is_one(write: Any) -> None:
    written = write(
        """
        def both_forward(x):
            return x**2, x**3, x
        def both_backward(dsquare, dcube, x):
            return 2 * x * dsquare + 3 * x**2 * dcube
        """
    )
    assert written.layer("both").upstream_names == ("dsquare", "dcube")
