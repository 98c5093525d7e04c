"""What a `jax.custom_vjp` brings along: arguments that are JAX's arrays, a fwd rule of its own, callbacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status

from .test_blocks import checked

SCALED = '''
import jax
import jax.numpy as jnp

@jax.custom_vjp
def scaled(x, lam):
    """
    - x: of shape (N, D)
    - lam: of shape ()
    """
    return 1 * x

def scaled_fwd(x, lam):
    return FWD, lam

def scaled_bwd(lam, g):
    return BWD, jnp.zeros_like(lam)

scaled.defvjp(scaled_fwd, scaled_bwd)
'''

FROM_NUMPY = """
import jax
import jax.numpy as jnp
import numpy as np

@jax.custom_jvp
def cube(x):
    return jax.pure_callback(lambda x: np.asarray(x) ** 3, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

@cube.defjvp
def cube_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return cube(x), 3 * SLOPE * dx
"""

GIVEN = """
import jax
import jax.numpy as jnp
import numpy as np

@jax.custom_vjp
def softmin(x, gamma):
    return -gamma * jax.nn.logsumexp(x / -gamma, axis=-1)

def softmin_inputs(rng):
    return {"x": rng.standard_normal((3, 5)), "gamma": 0.7}

def softmin_fwd(x, gamma):
    y = softmin(x, gamma)
    return y, (x, y, gamma)

def softmin_bwd(residuals, g):
    x, y, gamma = residuals
    p = jax.nn.softmax(x / -gamma)
    return p * g[:, None], DGAMMA

softmin.defvjp(softmin_fwd, softmin_bwd)
"""


def scaled(fwd: str, bwd: str) -> str:
    return SCALED.replace("FWD", fwd).replace("BWD", bwd)


@pytest.mark.parametrize(
    ("bwd", "code", "says"),
    [
        ("-lam * g", "GC202", "your `dx` is -lam times the gradient; "),
        ("-g", "GC203", "your `dx` has the wrong sign; "),
    ],
)
def test_an_argument_that_is_an_array_of_jax_may_be_the_factor(bwd: str, code: str, says: str, tmp_path: Path) -> None:
    finding = checked(tmp_path, scaled("1 * x", bwd)).findings[0]
    assert finding.code == code
    assert finding.message.startswith(says)


def test_another_number_is_not_called_by_the_arguments_name(tmp_path: Path) -> None:
    finding = checked(tmp_path, scaled("1 * x", "jnp.tanh(lam) * g")).findings[0]
    assert finding.code != "GC202"
    assert "lam" not in finding.message


@pytest.mark.parametrize("bwd", ["2 * g", "g"])
def test_a_fwd_rule_that_returns_something_else_comes_first(bwd: str, tmp_path: Path) -> None:
    finding = checked(tmp_path, scaled("3 * x", bwd)).findings[0]
    assert finding.code == "GC307"
    assert "the fwd rule of `scaled` returns another output than `scaled` itself: `scaled` gives" in finding.message


def test_the_fwd_rules_output_is_the_functions(tmp_path: Path) -> None:
    assert checked(tmp_path, scaled("scaled(x, lam)", "g")).status is Status.PASS


@pytest.mark.parametrize(("slope", "status"), [("x * x", Status.PASS), ("x", Status.FAIL)])
def test_what_calls_back_is_judged_by_finite_differences(slope: str, status: Status, tmp_path: Path) -> None:
    layer = checked(tmp_path, FROM_NUMPY.replace("SLOPE", slope))
    assert (layer.status, layer.witnesses) == (status, ("yours", "finite differences"))


@pytest.mark.parametrize(
    ("dgamma", "codes"),
    [
        ("jnp.sum(g * (y - jnp.sum(p * x, -1)) / gamma)", []),
        ("jnp.sum(g * y / gamma)", ["GC209"]),
        ("None", ["GC103"]),
    ],
)
def test_a_plain_float_that_a_rule_differentiates_is_checked(dgamma: str, codes: list[str], tmp_path: Path) -> None:
    layer = checked(tmp_path, GIVEN.replace("DGAMMA", dgamma))
    assert [finding.code for finding in layer.findings] == codes


def test_sizes_are_told_as_the_users_own_inputs_have_them(tmp_path: Path) -> None:
    documented = 'def softmin(x, gamma):\n    """\n    - x: of shape (N, D)\n    """'
    source = GIVEN.replace("def softmin(x, gamma):", documented).replace("DGAMMA", "jnp.zeros(())")
    finding = checked(tmp_path, source.replace("p * g[:, None]", "p * g[:, None] / x.shape[1]")).findings[0]
    assert finding.message.startswith("your `dx` is 1/D times the gradient (D = 5)")


SMALL = """
import jax
import jax.numpy as jnp

@jax.custom_vjp
def softmax(x):
    e = jnp.exp(x - jnp.max(x, -1, keepdims=True))
    return e / (jnp.sum(e, -1, keepdims=True) + EPS)

def softmax_fwd(x):
    y = softmax(x)
    return y, y

def softmax_bwd(y, g):
    return (y * (g - jnp.sum(y * g, -1, keepdims=True) / jnp.sum(y, -1, keepdims=True)),)

softmax.defvjp(softmax_fwd, softmax_bwd)
"""


@pytest.mark.parametrize(("eps", "is_small"), [("1e-8", True), ("1e-3", False)])
def test_an_eps_that_one_of_the_two_lacks_is_a_small_error_everywhere(eps: str, is_small: bool, tmp_path: Path) -> None:
    finding = checked(tmp_path, SMALL.replace("EPS", eps)).findings[0]
    assert ("right to 6 digits: an approximation, or an `eps`" in finding.message) is is_small


DROPOUT = """
import jax
import jax.numpy as jnp

@jax.custom_vjp
def dropout(key, x):
    keep = jax.random.bernoulli(key, 0.7, x.shape)
    return jnp.where(keep, x / 0.7, 0.0)

def dropout_inputs(rng):
    return {"key": jax.random.PRNGKey(int(rng.integers(100))), "x": rng.standard_normal((4, 6))}

def dropout_fwd(key, x):
    return dropout(key, x), (key, x)

def dropout_bwd(residuals, g):
    key, x = residuals
    keep = jax.random.bernoulli(key, 0.7, x.shape)
    return RETURNED

dropout.defvjp(dropout_fwd, dropout_bwd)
"""


@pytest.mark.parametrize(
    ("returned", "code", "says"),
    [
        ("None, g / 0.7", "GC212", "lets the gradient through `jnp.where(keep, x / 0.7, 0.0)` (line 8) everywhere"),
        ("jnp.where(keep, g / 0.7, 0.0),", "GC102", "expected 2: one each for `key` and `x`"),
    ],
)
def test_a_random_key_is_no_hindrance(returned: str, code: str, says: str, tmp_path: Path) -> None:
    finding = checked(tmp_path, DROPOUT.replace("RETURNED", returned)).findings[0]
    assert finding.code == code
    assert says in finding.message


def test_a_random_key_needs_no_gradient(tmp_path: Path) -> None:
    layer = checked(tmp_path, DROPOUT.replace("RETURNED", "None, jnp.where(keep, g / 0.7, 0.0)"))
    assert (layer.status, layer.findings) == (Status.PASS, ())


NAMED = """
from typing import NamedTuple
import jax

class Params(NamedTuple):
    w: jax.Array
    b: jax.Array

@jax.custom_vjp
def linear(p, x):
    return x @ p.w + p.b

def linear_inputs(rng):
    return {"p": Params(rng.standard_normal((3, 2)), rng.standard_normal(2)), "x": rng.standard_normal((4, 3))}

linear.defvjp(lambda p, x: (x @ p.w + p.b, (p, x)), lambda r, g: (Params(r[1].T @ g, DB), g @ r[0].w.T))
"""


@pytest.mark.parametrize(("db", "codes"), [("g.sum(0)", []), ("-g.sum(0)", ["GC203"]), ("g", ["GC101"])])
def test_parameters_in_a_named_tuple(db: str, codes: list[str], tmp_path: Path) -> None:
    layer = checked(tmp_path, NAMED.replace("DB", db))
    assert [finding.code for finding in layer.findings] == codes


GROUPED = """
import numpy as np

class Square:
    @staticmethod
    def fwd(x):
        return x * x, x

    @staticmethod
    def bwd(dout, x):
        return SLOPE * x * dout
"""


@pytest.mark.parametrize(("slope", "codes"), [("2", []), ("3", ["GC202"])])
def test_a_class_that_groups_a_pair_by_its_short_names(slope: str, codes: list[str], tmp_path: Path) -> None:
    layer = checked(tmp_path, GROUPED.replace("SLOPE", slope))
    assert [finding.code for finding in layer.findings] == codes


CONTAINERS = """
from collections.abc import Mapping
import jax
import jax.numpy as jnp

class State(Mapping):
    def __init__(self, pos, vel): self.pos, self.vel = pos, vel
    def __getitem__(self, name): return vars(self)[name]
    def __iter__(self): return iter(vars(self))
    def __len__(self): return 2

jax.tree_util.register_pytree_with_keys(
    State,
    lambda s: ([(jax.tree_util.GetAttrKey(name), s[name]) for name in s], None),
    lambda _, parts: State(*parts),
)

@jax.custom_vjp
def step(s):
    return {"state": State(s.pos + 0.1 * s.vel, 1 * s.vel), "nearest": jnp.argmin(s.pos)}

def step_inputs(rng):
    return {"s": State(jnp.asarray(rng.standard_normal(3)), jnp.asarray(rng.standard_normal(3)))}

step.defvjp(
    lambda s: (step(s), None),
    lambda _, g: (State(g["state"].pos, g["state"].vel + SLOPE * g["state"].pos),),
)
"""


@pytest.mark.parametrize(("slope", "codes"), [("0.1", []), ("0", ["GC209"])])
def test_containers_of_the_users_own_and_dicts_in_any_order(slope: str, codes: list[str], tmp_path: Path) -> None:
    layer = checked(tmp_path, CONTAINERS.replace("SLOPE", slope))
    assert [finding.code for finding in layer.findings] == codes
    assert [argument.name for argument in layer.arguments] == ["s.pos", "s.vel"]


SCAN = """
import jax
import jax.numpy as jnp
from jax import lax

@jax.custom_vjp
def linear_scan(h, gates, inputs):
    \"\"\"
    - h: of shape (B, D)
    - gates: of shape (T, B)
    - inputs: of shape (T, B, D)
    \"\"\"
    def step(h, gx):
        new = gx[0][:, None] * h + gx[1]
        return new, new
    return lax.scan(step, h, (gates, inputs))[1]

def fwd(h, gates, inputs):
    y = linear_scan(h, gates, inputs)
    return y, (h, gates, y)

def bwd(residuals, g):
    h, gates, y = residuals
    def step(dh, turn):
        g, gate = turn
        dh = dh + g
        return CARRY, dh
    _, dx = lax.scan(step, jnp.zeros_like(h), (g, gates), reverse=True)
    dx = RETURNED
    before = jnp.concatenate([h[None], y[:-1]])
    return gates[0][:, None] * dx[0], jnp.sum(dx * before, -1), dx

linear_scan.defvjp(fwd, bwd)
"""


@pytest.mark.parametrize(
    ("carry", "returned", "codes"),
    [
        ("gate[:, None] * dh", "dx", []),
        ("gate[:, None] * dh", "dx[::-1]", ["GC213", "GC201", "GC201"]),
        ("jnp.zeros_like(dh)", "dx", ["GC209"]),
    ],
)
def test_numbers_of_a_chain_of_turns_are_not_made_up(
    carry: str, returned: str, codes: list[str], tmp_path: Path
) -> None:
    layer = checked(tmp_path, SCAN.replace("CARRY", carry).replace("RETURNED", returned))
    assert [finding.code for finding in layer.findings] == codes


WEIGHTED = """
import jax
import jax.numpy as jnp

@jax.custom_vjp
def loss(logits, targets, weights):
    '''
    logits: of shape (N, V)
    targets: integers of shape (N,)
    weights: of shape (N,)
    '''
    lse = jax.nn.logsumexp(logits, axis=-1)
    chosen = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return (lse - chosen) * weights

def loss_fwd(logits, targets, weights):
    return loss(logits, targets, weights), (logits, targets, weights)

def loss_bwd(kept, g):
    logits, targets, weights = kept
    p = jax.nn.softmax(logits)
    return (p HOT) * (weights * g)[:, None], None, None

loss.defvjp(loss_fwd, loss_bwd)
"""


@pytest.mark.parametrize(
    ("hot", "code", "said"),
    [
        ("", "GC209", "has no contribution through `logits` in `jnp.take_along_axis("),
        ("- jax.nn.one_hot(targets, p.shape[-1])", "", ""),
    ],
)
def test_a_gradient_that_is_none_does_not_hide_why_another_is_wrong(
    hot: str, code: str, said: str, tmp_path: Path
) -> None:
    """Nor is what goes back nowhere said to go back elsewhere, with each index +1."""
    first, *others = checked(tmp_path, WEIGHTED.replace("HOT", hot)).findings
    assert (first.code, first.argument) == ("GC103", "weights")
    assert [finding.code for finding in others] == [code] * bool(code)
    assert all(said in finding.message for finding in others)
