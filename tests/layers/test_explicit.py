from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from gradcheck_cli import layer
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.explicit import LayerDeclarationError
from gradcheck_cli.layers.layer import Convention, Role

X = np.arange(6.0).reshape(2, 3)


def test_layers_are_declared_in_every_form(write: Any) -> None:
    written = write(
        """
        import jax
        from gradcheck_cli import layer

        def f(x, w): return x * w, (x, w)
        def b(g, cache): return g * cache[1], g * cache[0]
        def slow(x, w): return x * w

        shapes = {"x": "N,D", "w": ("N", 3)}
        product = layer(forward=f, backward=b, inputs=shapes, reference=slow, expect="straight-through")

        @layer(inputs={"x": "N,D"})
        def relu_forward(x): return np.maximum(x, 0), x
        def relu_backward(dout, cache): return dout * (cache > 0)

        def cube_grad(g, x): return 3 * g * x**2
        @layer(backward=cube_grad, inputs=lambda rng: {"x": rng.normal(size=3)}, dtype="float32")
        def cube(x): return x**3, x

        @layer(inputs={"W": "D,M", "x": "N,D"}, name="dense")
        class Affine:
            def __init__(self, W): self.W = W
            def forward(self, x):
                self.x = x
                return x @ self.W
            def backward(self, dout):
                self.dW = self.x.T @ dout
                return dout @ self.W.T

        rectifier = layer(jax.nn.relu, inputs={"x": "N"})
        layer(forward=f, backward=b, inputs={"x": np.zeros((2, 3)), "w": (2, 3)}, name="unbound")
        """
    )
    assert written.names == ["product", "relu", "cube", "dense", "rectifier", "unbound"]
    assert {item.convention for item in written.discovery.layers} == {Convention.EXPLICIT}
    assert written.discovery.problems == ()
    product = written.layer("product")
    assert product.declared_inputs == {"x": "N,D", "w": ("N", 3)}
    assert product.expect == "straight-through"
    assert written.layer("cube").make_inputs is not None and written.layer("cube").dtype == "float32"
    gradients = written.run("product", x=X, w=3 * X)[1].gradients
    np.testing.assert_array_equal(gradients["x"], 3 * X)
    np.testing.assert_array_equal(written.run("relu", x=X)[1].gradients["x"], X > 0)
    np.testing.assert_array_equal(written.run("cube", x=X)[1].gradients["x"], 3 * X**2)
    np.testing.assert_array_equal(written.run("rectifier", x=X)[1].gradients["x"], X > 0)
    assert set(written.run("dense", W=np.ones((3, 2)), x=X)[1].gradients) == {"W", "x"}
    lines = written.module.source.splitlines()
    assert "rectifier" in lines[written.layer("rectifier").line - 1]


def test_the_reference_is_what_autodiff_differentiates(write: Any) -> None:
    written = write(
        """
        from gradcheck_cli import layer
        def f(x): return 2 * x, None
        def b(g, cache): return g
        def plain(x): return 5 * x
        def longer(x): return 7 * x, "cache"
        one = layer(forward=f, backward=b, reference=plain)
        two = layer(forward=f, backward=b, reference=longer)
        """
    )
    for name, factor in (("one", 5), ("two", 7)):
        bound = written.layer(name).bind(written.module.namespace)
        np.testing.assert_array_equal(bound.evaluate({"x": X})[0], 2 * X)
        np.testing.assert_array_equal(bound.reference({"x": X})[0], factor * X)


def test_a_decorated_object_is_returned_unchanged() -> None:
    def f(x: Any) -> Any:
        return x

    assert layer(inputs={"x": "N"})(f) is f


def test_a_declaration_that_is_imported_counts(write: Any, tmp_path: Any) -> None:
    (tmp_path / "declared.py").write_text(
        "from gradcheck_cli import layer\n"
        "def f(x): return 2 * x, 0\ndef b(g, cache): return 2 * g\nmine = layer(forward=f, backward=b)\n"
    )
    written = write("from declared import mine\n")
    assert written.names == ["mine"]
    assert written.run("mine", x=X)[1].gradients["x"][0, 0] == 2


def test_what_a_declaration_names_is_an_input_and_the_rest_keeps_its_default(write: Any) -> None:
    written = write(
        """
        from gradcheck_cli import layer
        def f(x, mode, alpha=np.ones(3)): return x, 0
        def b(g, cache): return g
        one = layer(forward=f, backward=b, inputs={"x": "N", "mode": "N"})
        """
    )
    assert [item.role for item in written.layer("one").arguments] == [Role.INPUT, Role.INPUT, Role.CONFIG]


def test_a_misspelt_input_or_a_missing_backward_is_a_problem_with_its_line(write: Any) -> None:
    written = write(
        """
        from gradcheck_cli import layer
        def f(x): return x, 0
        def b(g, cache): return g
        one = layer(forward=f, backward=b, inputs={"y": "N"})
        def lonely(x): return x
        two = layer(forward=lonely)
        """
    )
    assert written.names == []
    first, second = written.discovery.problems
    assert isinstance(first, UserError) and "names `y`" in first.message and first.line == 6
    assert "no backward" in second.message and second.line == 8 and second.mend


@pytest.mark.parametrize(
    ("arguments", "keywords", "says"),
    [
        ((), {}, "needs a forward or inputs; received nothing"),
        ((3,), {}, "received int 3"),
        ((), {"forward": 3}, "received int 3"),
        ((len,), {"forward": len}, "takes one forward"),
        ((len,), {"bacward": len}, "received `bacward=`"),
        ((len,), {"backward": 3}, "`backward=` takes a function; received int 3"),
        ((len,), {"reference": "f"}, "`reference=` takes a function"),
        ((len,), {"inputs": 3}, "`inputs=` takes a dict"),
        ((len,), {"inputs": {"x": "N D"}}, "names and sizes with commas between"),
        ((len,), {"inputs": {"x": (-1, 3)}}, "a size is at least 0"),
        ((len,), {"inputs": {3: "N"}}, "names arguments by text"),
        ((len,), {"name": 3}, "`name=` takes a text"),
    ],
)
def test_a_wrong_use_states_rule_received_and_mend(arguments: Any, keywords: Any, says: str) -> None:
    with pytest.raises(LayerDeclarationError) as caught:
        layer(*arguments, **keywords)
    assert says in str(caught.value)
    assert "; " in str(caught.value)


def test_a_wrong_use_in_a_module_is_the_modules_error_at_its_line(write: Any) -> None:
    with pytest.raises(UserError, match="received `bacward=`") as caught:
        write("from gradcheck_cli import layer\nlayer(forward=len, bacward=len)\n")
    assert caught.value.line == 3


def test_declaring_imports_neither_jax_nor_numpy() -> None:
    program = "import sys\nfrom gradcheck_cli import layer\nassert not {'jax', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
