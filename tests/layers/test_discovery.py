from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.selection import no_such_layer, select

SOURCE = """
def relu_forward(x): return x, x
def relu_backward(dout, cache): return dout
class relu:
    def forward(self, x): return x
    def backward(self, dout): return dout
def affine_forward(x): return x, x
def affine_backward(dout, cache): return dout
"""


def test_names_are_unique_and_in_source_order(write: Any) -> None:
    written = write(SOURCE)
    assert written.names == ["relu", "relu.backward", "affine"]


def test_a_layer_is_picked_by_its_name_or_its_functions(write: Any) -> None:
    written = write(SOURCE)
    assert [item.name for item in select(written.discovery.layers, "affine")] == ["affine"]
    assert [item.name for item in select(written.discovery.layers, "affine_backward")] == ["affine"]
    assert select(written.discovery.layers, "afine") == ()
    error = no_such_layer(written.module.path, "afine", written.names)
    assert "`relu`" in error.message
    assert error.mend is not None
    assert "::affine`" in error.mend


def test_a_function_that_makes_inputs_is_no_layer(write: Any) -> None:
    written = write(
        """
        def gaussian_likelihood_forward(cov, residual): return residual @ residual, residual
        def gaussian_likelihood_backward(dout, residual): return None, 2 * dout * residual
        def gaussian_likelihood_inputs(rng): return rng.normal(size=(4, 4)), rng.normal(size=4)
        """
    )
    assert written.names == ["gaussian_likelihood"]


def test_a_module_without_layers_has_none(write: Any) -> None:
    written = write("x = 1\ndef f(x): return x\n")
    assert written.names == [] and written.discovery.notes == ()


def test_definitions_inside_if_and_try_count(write: Any) -> None:
    written = write(
        """
        try:
            import not_there
            def f_forward(x): return x, x
        except ImportError:
            def f_forward(x): return 2 * x, x
        if True:
            def f_backward(dout, cache): return 2 * dout
        """
    )
    assert written.run("f", x=np.ones(2))[1].gradients["x"][0] == 2


def test_odd_module_values_are_survived(write: Any) -> None:
    written = write(
        """
        class Odd:
            def __getattr__(self, name): raise RuntimeError(name)
            def __eq__(self, other): raise RuntimeError
            __hash__ = None
        class Meta(type):
            def __getattr__(cls, name): raise RuntimeError(name)
        class Strange(metaclass=Meta): pass
        odd = Odd()
        array = np.ones(3)
        f_backward = odd
        def f_forward(x): return x, x
        """
    )
    assert written.names == []


def test_only_numpy_is_used_where_a_helper_of_the_same_module_uses_jax(write: Any) -> None:
    written = write(
        """
        import jax.numpy as jnp
        def helper(x): return jnp.sin(x)
        def a_forward(x): return helper(x), x
        def a_backward(dout, cache): return dout
        def b_forward(x): return np.sin(x), x
        def b_backward(dout, cache): return dout
        """
    )
    assert [written.layer(name).uses_jax for name in "ab"] == [True, False]


@pytest.mark.parametrize("folder", ["correct", "broken"])
def test_every_forward_of_the_fixtures_is_in_a_layer(folder: str) -> None:
    """Nothing in the fixtures is overlooked: each `def ..._backward` and each class with a backward is a layer."""
    import ast

    from gradcheck_cli.layers.discovery import find
    from gradcheck_cli.layers.loading import load

    checked = 0
    for path in sorted((Path(__file__).parents[2] / "fixtures" / folder).rglob("*.py")):
        try:
            module = load(path)
        except UserError:
            continue
        discovery = find(module)
        assert discovery.problems == ()
        names = {name for layer in discovery.layers for name in (layer.name, *layer.aliases)}
        for node in ast.parse(module.source).body:
            if isinstance(node, ast.FunctionDef) and node.name.endswith("_backward"):
                assert node.name in names, path
                checked += 1
    assert checked > 50
