"""Autodiff under other conventions at kinks, and with steps as identities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradcheck_cli.witnesses.reference.autodiff import autodiff
from gradcheck_cli.witnesses.reference.conventions import conventions
from gradcheck_cli.witnesses.reference.rewritten import Value, evaluate, has_any
from gradcheck_cli.witnesses.reference.straight_through import straight_through
from tests.witnesses.cases import make_case, make_upstream
from tests.witnesses.traces import make_trace


def gradients(forward: Callable[..., Any], *values: Any) -> tuple[dict[str, tuple[np.ndarray, ...]], np.ndarray]:
    case = make_case({f"x{at}": np.asarray(value, float) for at, value in enumerate(values)})
    upstream = make_upstream(case, lambda **arguments: np.asarray(forward(*arguments.values())))
    found = conventions(make_trace(forward, case), case, upstream)()
    return {one.name: one.gradients for one in found}, upstream.flat[0]


def test_a_maximum_with_a_constant() -> None:
    found, g = gradients(lambda x: jnp.maximum(x, 0.0), [0.0, 1.0, -1.0])
    for slope, words in ((0, "0"), (1, "1"), (0.5, "1/2")):
        np.testing.assert_allclose(found[f"max(x, c) has slope {words}"][0], g * [slope, 1, 0])


def test_relu_by_its_own_rule() -> None:
    found, g = gradients(jax.nn.relu, [0.0, 1.0])
    np.testing.assert_allclose(found["max(x, c) has slope 1"][0], g)


@pytest.mark.parametrize("forward", [lambda x: jnp.max(x, axis=1), lambda x: -jnp.min(-x, axis=1)])
def test_ties_of_a_reduction(forward: Any) -> None:
    found, g = gradients(forward, [[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]])
    rest = [g[1], 0, 0]
    np.testing.assert_allclose(found["the first of tied entries counts"][0], [[0, g[0], 0], rest])
    np.testing.assert_allclose(found["the last of tied entries counts"][0], [[0, 0, g[0]], rest])
    np.testing.assert_allclose(found["tied entries share evenly"][0], [[0, g[0] / 2, g[0] / 2], rest])


def test_a_tie_of_two_arguments() -> None:
    found, g = gradients(jnp.maximum, [1.0, 2.0], [1.0, 3.0])
    first = found["the first of tied entries counts"]
    np.testing.assert_allclose(first[0], g * [1, 0])
    np.testing.assert_allclose(first[1], g * [0, 1])


def test_where_falls_to_the_other_side() -> None:
    found, g = gradients(lambda x: jnp.where(x > 0, 3 * x, x), [0.0, 1.0])
    np.testing.assert_allclose(found["equal values fall on the other side"][0], g * 3)


def test_nothing_where_no_kink_is_met() -> None:
    assert gradients(lambda x: jnp.abs(jnp.maximum(x, 0.0) - 0.5), [1.0, 2.0])[0] == {}
    assert gradients(jnp.sin, [0.0])[0] == {}


def test_kinks_on_both_sides_of_a_product_follow_one_convention() -> None:
    def network(x: Any) -> Any:
        return jax.nn.relu(x @ jnp.array([[1.0, -1.0]])) @ jnp.array([[1.0], [-1.0]])

    found, g = gradients(network, [[0.0]])
    np.testing.assert_allclose(found["max(x, c) has slope 0"][0], 0 * g)
    np.testing.assert_allclose(found["max(x, c) has slope 1"][0], 2 * g)
    np.testing.assert_allclose(found["max(x, c) has slope 1/2"][0], g)


SMOOTH = [
    lambda x: jax.nn.softmax(x, axis=1),
    lambda x: jnp.sort(x, axis=1)[:, ::-1].cumsum(axis=1),
    lambda x: jax.lax.scan(lambda c, row: (jnp.tanh(c + row), c * row), jnp.zeros(3), x)[1],
    lambda x: jax.nn.relu(x) * jnp.abs(x) + jnp.clip(x, -0.5, 0.5) + jnp.max(x, axis=1, keepdims=True),
    lambda x: jnp.linalg.norm(x, axis=1) + jax.scipy.special.logsumexp(x, axis=1),
]


@pytest.mark.parametrize("forward", SMOOTH)
def test_a_rewritten_trace_is_the_trace(forward: Any) -> None:
    """Rules that change nothing away from kinks leave values and gradients as they are."""
    x = np.random.default_rng(0).normal(size=(4, 3))
    case = make_case({"x": x})
    trace = make_trace(forward, case)
    rules = {
        "max": lambda _, given: [
            Value(jnp.where(given[0].array > given[1].array, given[0].array, given[1].array), True)
        ]
    }
    upstream = make_upstream(case, lambda x: np.asarray(forward(x)))
    plain = autodiff(trace, case, upstream)

    def rewritten(x: Any) -> Any:
        return evaluate(trace.jaxpr, trace.jaxpr.consts, [x], rules)

    outputs, vjp = jax.vjp(rewritten, x)
    np.testing.assert_allclose(outputs[0], plain.outputs[0], rtol=1e-12)
    np.testing.assert_allclose(vjp([jnp.asarray(upstream.flat[0])])[0], plain.gradients[0], rtol=1e-10, atol=1e-12)


def test_steps_inside_called_programs_are_seen() -> None:
    trace = make_trace(lambda x: jax.jit(lambda x: jax.nn.relu(jnp.round(x)))(x), make_case({"x": np.ones(2)}))
    assert has_any(trace.jaxpr, ["round"]) and has_any(trace.jaxpr, ["max"]) and has_any(trace.jaxpr, ["jit:round"])
    assert not has_any(trace.jaxpr, ["sin"])


@pytest.mark.parametrize(
    ("step", "slope"),
    [
        (lambda x: jnp.round(4 * x) / 4, 1),
        (lambda x: jnp.floor(3 * x), 3),
        (lambda x: jnp.ceil(x) * 2, 2),
        (jnp.sign, 1),
        (lambda x: (2 * x > 0.1).astype(x.dtype), 2),
        (lambda x: (x < 0.1).astype(jnp.int32).astype(x.dtype), -1),
        (lambda x: jnp.where(x >= 0, 1.0, -1.0), 1),
        (lambda x: (8 * x).astype(jnp.int32).astype(x.dtype) / 8, 1),
        (lambda x: jax.lax.stop_gradient(x) * 5, 5),
        (lambda x: x + jax.lax.stop_gradient(jnp.round(x) - x), 1),
    ],
)
def test_steps_are_identities(step: Any, slope: float) -> None:
    case = make_case({"x": np.array([0.3, -0.62, 1.4])})
    upstream = make_upstream(case, lambda x: np.asarray(step(x)))
    first = straight_through(make_trace(step, case), case, upstream)()[0]
    np.testing.assert_allclose(first[0], slope * upstream.flat[0])


def test_stops_and_clips_both_ways() -> None:
    def step(x: Any) -> Any:
        return jnp.round(jnp.clip(x, -0.5, 0.5) * jax.lax.stop_gradient(x))

    x = np.array([0.3, -0.62, 1.4])
    case = make_case({"x": x})
    upstream = make_upstream(case, lambda x: np.asarray(step(x)))
    g, clipped, inside = upstream.flat[0], np.clip(x, -0.5, 0.5), np.abs(x) < 0.5
    found = [variant[0] for variant in straight_through(make_trace(step, case), case, upstream)()]
    for gradient, right in zip(found, (inside * x + clipped, inside * x, x + clipped, x)):
        np.testing.assert_allclose(gradient, g * right)


def test_no_step_no_variants() -> None:
    case = make_case({"x": np.ones(2)})
    upstream = make_upstream(case, lambda x: np.sin(x))
    assert straight_through(make_trace(jnp.sin, case), case, upstream)() == ()
