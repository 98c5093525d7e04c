from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradcheck_cli.witnesses.differences.differencer import Differencer
from gradcheck_cli.witnesses.differences.evaluate import evaluator
from tests.witnesses.cases import Bound, make_case, make_upstream


def calls(forward: Any, arguments: dict[str, Any], **layer: Any) -> Any:
    case = make_case(arguments, **layer)
    return evaluator(Bound(forward), case), tuple(leaf.value.astype(float) for leaf in case.leaves)


def test_leaves_go_where_they_came_from() -> None:
    seen: dict[str, Any] = {}

    def forward(**arguments: Any) -> Any:
        seen.update(arguments)
        return arguments["p"]["w"][0] + arguments["x"]

    arguments = {"k": 2, "p": {"w": [np.ones(2), np.arange(3)]}, "x": np.zeros(2), "name": "same"}
    evaluate, _ = calls(forward, arguments)
    (output,) = evaluate((np.array([5.0, 6.0]), np.array([0.5, 0.25])))
    np.testing.assert_array_equal(output, [5.5, 6.25])
    assert list(seen) == ["k", "p", "x", "name"] and seen["k"] == 2 and seen["name"] == "same"
    np.testing.assert_array_equal(seen["p"]["w"][1], np.arange(3))


def test_the_forward_cannot_change_what_the_next_call_sees() -> None:
    def forward(x: Any, labels: Any, config: Any) -> Any:
        config["steps"].append(len(config["steps"]))
        labels[0] += 1
        x += len(config["steps"]) + labels[0]
        return x

    arguments = {"x": np.zeros(2), "labels": np.array([0]), "config": {"steps": []}}
    evaluate, leaves = calls(forward, arguments)
    first, second = evaluate(leaves)[0].copy(), evaluate(leaves)[0].copy()
    np.testing.assert_array_equal(first, [2.0, 2.0])
    np.testing.assert_array_equal(second, first)
    np.testing.assert_array_equal(leaves[0], [0.0, 0.0])


def test_only_floating_outputs_come_back_in_order() -> None:
    evaluate, leaves = calls(lambda x: ({"b": x, "a": [x.sum(), 3]}, np.arange(2), x * 1j), {"x": np.ones(2)})
    assert [np.shape(output) for output in evaluate(leaves)] == [(2,), (), (2,)]


def test_what_the_forward_raises_comes_through() -> None:
    def forward(x: Any) -> Any:
        raise ZeroDivisionError("mine")

    evaluate, leaves = calls(forward, {"x": np.ones(2)})
    with pytest.raises(ZeroDivisionError, match="mine"):
        evaluate(leaves)


def test_a_jax_forward_is_compiled_once_and_gets_float64() -> None:
    traced = []

    def forward(x: Any, labels: Any) -> Any:
        traced.append(x.dtype)
        return jnp.sin(x)[labels]

    arguments = {"x": jnp.array([0.5, 1.5], jnp.float32), "labels": np.array([1, 0])}
    evaluate, leaves = calls(forward, arguments, uses_jax=True)
    for shift in (0.0, 1.0, 2.0):
        (output,) = evaluate(tuple(leaf + shift for leaf in leaves))
        np.testing.assert_allclose(output, np.sin(leaves[0] + shift)[::-1], rtol=1e-15)
    assert traced == [jnp.float64]


def test_a_jax_forward_that_needs_values_runs_step_by_step() -> None:
    def forward(x: Any) -> Any:
        return jnp.sin(x) if float(x[0]) > 0 else jnp.cos(x)

    evaluate, leaves = calls(forward, {"x": np.array([0.5, 1.5])}, uses_jax=True)
    np.testing.assert_allclose(evaluate(leaves)[0], np.sin(leaves[0]))
    np.testing.assert_allclose(evaluate((-leaves[0],))[0], np.cos(leaves[0]))


def test_differences_of_a_jax_forward() -> None:
    @jax.custom_vjp
    def forward(x: Any) -> Any:
        return jnp.tanh(x)

    forward.defvjp(lambda x: (jnp.tanh(x), x), lambda x, g: (7 * g,))
    x = np.array([0.3, -0.8])
    case = make_case({"x": x}, uses_jax=True)
    upstream = make_upstream(case, lambda x: np.tanh(x))
    found = Differencer(evaluator(Bound(forward), case), case, upstream).all_elements()
    for (_, index), one in found.items():
        # Of the function itself, whatever its own rule says.
        assert abs(one.value - upstream.flat[0][index] * (1 - np.tanh(x[index]) ** 2)) <= one.error < 1e-8
