from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.layer import Convention, Role

X = np.arange(1.0, 4.0)

RULES = """
import functools
import jax, jax.numpy as jnp

@jax.custom_vjp
def f(x, w):
    return jnp.sin(x) * w
def f_fwd(x, w):
    return f(x, w), (x, w)
def f_bwd(res, g):
    x, w = res
    return jnp.cos(x) * w * g, jnp.sin(x) * g
f.defvjp(f_fwd, f_bwd)

@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _scale(n, x):
    return n * x
_scale.defvjp(lambda n, x: (n * x, None), lambda n, res, g: (n * g,))
scale = jax.jit(_scale, static_argnums=0)

@jax.custom_vjp
def norule(x): return x

@jax.custom_jvp
def h(x, y):
    return jnp.sin(x) * y
@h.defjvp
def h_jvp(primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    return h(x, y), jnp.cos(x) * y * dx + 3.0 * dy

nojvp = jax.custom_jvp(lambda x: x)

each = jax.custom_jvp(lambda x: x ** 2)
each.defjvps(lambda t, ans, x: 2 * x * t)

@jax.custom_vjp
def tree(params, x):
    return {"out": x @ params["w"]}, x
def tree_fwd(params, x): return tree(params, x), (params, x)
def tree_bwd(res, ct):
    params, x = res
    first, second = ct
    return {"w": jnp.outer(x, first["out"])}, params["w"] @ first["out"] + second
tree.defvjp(tree_fwd, tree_bwd)

@jax.custom_vjp
def symbolic(x): return x * 2
symbolic.defvjp(lambda x: (2 * x.value, x.perturbed), lambda kept, g: (2 * g,), symbolic_zeros=True)

@jax.custom_vjp
def bare(x): return x
bare.defvjp(lambda x: (x, None), lambda _, g: g)

@jax.custom_vjp
def unpaired(x): return x
unpaired.defvjp(lambda x: x, lambda _, g: (g,))

class Ops:
    @staticmethod
    @jax.custom_vjp
    def square(x): return x * x
Ops.square.defvjp(lambda x: (x * x, x), lambda x, g: (2 * x * g,))

from jax.nn import relu
alias = relu
"""


@pytest.fixture
def rules(write: Any) -> Any:
    return write(RULES)


def test_rules_are_found_once_by_their_public_name_and_their_parts_are_no_layers(rules: Any) -> None:
    assert set(rules.names) == {
        "f", "scale", "norule", "h", "nojvp", "each", "tree", "symbolic", "bare", "unpaired", "Ops.square",
    }  # fmt: skip
    assert rules.layer("f").convention is Convention.CUSTOM_VJP
    assert rules.layer("h").convention is Convention.CUSTOM_JVP
    assert all(layer.uses_jax for layer in rules.discovery.layers)
    lines = rules.module.source.splitlines()
    assert lines[rules.layer("f").line - 1].startswith("def f_bwd")
    assert lines[rules.layer("f").forward_line - 1].startswith("def f(")
    assert lines[rules.layer("each").line - 1].startswith("each =")


def test_the_rule_is_called_as_written(rules: Any) -> None:
    result, gradients = rules.run("f", x=X, w=2 * X)
    np.testing.assert_allclose(result.outputs[0], np.sin(X) * 2 * X)
    np.testing.assert_allclose(gradients.gradients["x"], np.cos(X) * 2 * X)
    assert (gradients.returned, gradients.expected) == (2, 2)
    bound = rules.layer("f").bind(rules.module.namespace)
    np.testing.assert_allclose(bound.evaluate({"x": X, "w": X})[0], np.sin(X) * X)
    np.testing.assert_allclose(bound.reference({"x": X, "w": X})[0], np.sin(X) * X)


def test_nondifferentiated_arguments_are_settings_and_reach_the_rule(rules: Any) -> None:
    assert [item.role for item in rules.layer("scale").arguments] == [Role.CONFIG, Role.INPUT]
    _, gradients = rules.run("scale", n=3, x=X)
    np.testing.assert_allclose(gradients.gradients["x"], [3, 3, 3])


def test_a_custom_jvp_is_transposed(rules: Any) -> None:
    _, gradients = rules.run("h", x=X, y=X)
    np.testing.assert_allclose(gradients.gradients["x"], np.cos(X) * X)
    np.testing.assert_allclose(gradients.gradients["y"], [3, 3, 3])  # as the rule says, which is wrong
    np.testing.assert_allclose(rules.run("each", x=X)[1].gradients["x"], 2 * X)


def test_pytrees_and_symbolic_zeros_and_static_methods(rules: Any) -> None:
    result, gradients = rules.run("tree", params={"w": np.ones((3, 2))}, x=X)
    assert len(result.outputs) == 2
    assert gradients.gradients["params"]["w"].shape == (3, 2)
    np.testing.assert_allclose(gradients.gradients["x"], [3, 3, 3])
    np.testing.assert_allclose(rules.run("symbolic", x=X)[1].gradients["x"], [2, 2, 2])
    np.testing.assert_allclose(rules.run("Ops.square", x=X)[1].gradients["x"], 2 * X)


@pytest.mark.parametrize(
    ("name", "says", "mend"),
    [
        ("norule", "custom_vjp without rules", "norule.defvjp("),
        ("nojvp", "custom_jvp without a rule", "@nojvp.defjvp"),
        ("bare", "returned an array in place of a tuple", "return (dx,)"),
        ("unpaired", "in place of a pair", "return out, residuals"),
    ],
)
def test_a_rule_that_cannot_run_says_why(rules: Any, name: str, says: str, mend: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        rules.run(name, x=X)
    assert mend in (caught.value.mend or "")
    assert caught.value.code == "GC502"
    assert caught.value.path == rules.module.path


def test_the_newer_form_of_a_rule_is_known_by_what_it_looks_like(write: Any) -> None:
    written = write(
        """
        class custom_vjp3:
            fwd = bwd = None
            def __init__(self, f, nondiff_argnums=()):
                self.f, self.static_argnums = f, nondiff_argnums
            def defvjp(self, fwd, bwd):
                self.fwd, self.bwd = fwd, bwd
            def __call__(self, *args):
                return self.f(*args)
        def _power(x, n): return x ** n
        power = custom_vjp3(_power, (1,))
        power.defvjp(lambda x, n: (x ** n, x), lambda n, x, g: (n * x ** (n - 1) * g,))
        """
    )
    assert written.names == ["power"]
    assert [item.role for item in written.layer("power").arguments] == [Role.INPUT, Role.CONFIG]
    np.testing.assert_allclose(written.run("power", x=X, n=3)[1].gradients["x"], 3 * X**2)


def test_the_rules_of_a_static_method_are_no_pair_of_their_own(write: Any) -> None:
    written = write(
        """
        import jax

        class Ops:
            @staticmethod
            @jax.custom_vjp
            def double(x):
                return 2 * x

        def fwd(x): return Ops.double(x), None
        def bwd(_, g): return (2 * g,)
        Ops.double.defvjp(fwd, bwd)
        """
    )
    assert [layer.name for layer in find(written.module).layers] == ["Ops.double"]
