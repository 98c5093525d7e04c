from __future__ import annotations

from time import sleep
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradcheck_cli.witnesses.differences.batched import BatchedForward
from gradcheck_cli.witnesses.differences.differencer import Differencer
from gradcheck_cli.witnesses.differences.evaluate import evaluator
from tests.witnesses.cases import Bound, make_case, make_upstream
from tests.witnesses.traces import make_trace


def slow(forward: Any) -> Any:
    """`forward`, so slow that a complete sweep is worth compiling; counts its calls."""

    def slowly(**arguments: Any) -> Any:
        slowly.calls += 1
        sleep(0.002)
        return forward(np, **arguments)

    slowly.calls = 0
    return slowly


def differencer(forward: Any, arguments: dict[str, Any], traced: Any = None) -> Any:
    case = make_case(arguments)
    slowly = slow(forward)
    upstream = make_upstream(case, slowly)
    traced = traced or (lambda *leaves: forward(jnp, **dict(zip(arguments, leaves))))
    trace = make_trace(traced, case)
    slowly.calls = 0
    return Differencer(evaluator(Bound(slowly), case), case, upstream, batch=BatchedForward(trace)), slowly, upstream


def test_a_complete_sweep_runs_in_batches_and_is_right() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(6, 20)).round(2), rng.normal(size=(20, 10)).round(2)
    made, slowly, upstream = differencer(lambda np, x, w: np.tanh(x @ w), {"x": x, "w": w})
    found = made.all_elements()
    assert slowly.calls < 40 and len(found) == 320 and made.evaluations > 1000
    g = upstream.flat[0] * (1 - np.tanh(x @ w) ** 2)
    for (leaf, index), one in found.items():
        assert abs(one.value - (g @ w.T, x.T @ g)[leaf][index]) <= one.error < 1e-6


def test_complex_leaves_and_several_outputs() -> None:
    rng = np.random.default_rng(0)
    z, x = rng.normal(size=60) + 1j * rng.normal(size=60), rng.normal(size=60)
    made, slowly, upstream = differencer(lambda np, z, x: (z * z * x, np.abs(z) ** 2), {"z": z, "x": x})
    found = made.all_elements()
    assert slowly.calls < 40
    g, h = upstream.flat
    right = (2 * g * z * x + 2 * h * z.conj(), (g * z * z).real)
    for (leaf, index), one in found.items():
        assert abs(one.value - right[leaf][index]) <= one.error < 1e-6


@pytest.mark.parametrize("cut", ["scale", "branch"])
def test_a_trace_that_cuts_a_path_is_not_trusted(cut: str) -> None:
    x = np.random.default_rng(0).normal(size=60)

    def forward(np: Any, x: Any) -> Any:
        return x * x[7] if cut == "scale" else np.where(x[7] > 0, x**2, x) + x[7]

    def traced(leaf: Any) -> Any:
        held = jax.lax.stop_gradient(leaf) * 0 + x[7]
        return leaf * held[7] if cut == "scale" else jnp.where(x[7] > 0, leaf**2, leaf) + x[7]

    made, slowly, upstream = differencer(forward, {"x": x}, traced)
    found = made.all_elements()
    assert slowly.calls > 200
    g = upstream.flat[0]
    own = g * x[7] if cut == "scale" else g * (2 * x if x[7] > 0 else 1)
    right = own[7] + (g @ x if cut == "scale" else g.sum())
    assert abs(found[0, (7,)].value - right) <= found[0, (7,)].error < 1e-6


def test_elements_asked_for_one_by_one_are_of_the_users_own_forward() -> None:
    made, slowly, _ = differencer(lambda np, x: np.sin(x), {"x": np.random.default_rng(0).normal(size=60)})
    before = slowly.calls
    made.elements([(0, (3,))])
    assert slowly.calls == before + 4


def test_a_quick_forward_is_not_compiled() -> None:
    case = make_case({"x": np.ones((3, 4))})
    batch = BatchedForward(make_trace(lambda x: x * 2, case))
    made = Differencer(evaluator(Bound(lambda x: x * 2), case), case, make_upstream(case, lambda x: x * 2), batch=batch)
    made.all_elements()
    assert batch._program is None
