from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_cli.witnesses.analytic import run_backward, run_forward
from tests.witnesses.cases import Bound, make_case, make_upstream


def forward(x: Any, w: Any) -> Any:
    y = x @ w
    x[:] = -1
    return y


def backward(cache: Any, dout: Any) -> Any:
    dw = cache["x"].T @ dout
    dout[:] = 0
    return {"x": dout @ cache["w"].T, "w": dw}


def test_backward_gets_the_upstream_and_its_own_residuals() -> None:
    case = make_case({"x": np.arange(6.0).reshape(2, 3), "w": np.ones((3, 4))})
    upstream = make_upstream(case, lambda x, w: x @ w)
    bound = Bound(forward, backward)
    result = run_forward(bound, case)
    analytic = run_backward(bound, case, result, upstream)
    # The forward overwrote its x before the backward read it: exactly what the user wrote is what is run.
    np.testing.assert_array_equal(analytic.backward.gradients["w"], -np.ones((2, 3)).T @ upstream.flat[0])
    assert analytic.outputs is result.outputs


def test_what_user_code_writes_stays_with_it() -> None:
    case = make_case({"x": np.arange(6.0).reshape(2, 3), "w": np.ones((3, 4))})
    upstream = make_upstream(case, lambda x, w: x @ w)
    before = upstream.cotangents[0].copy()
    bound = Bound(forward, backward)
    run_backward(bound, case, run_forward(bound, case), upstream)
    np.testing.assert_array_equal(case.arguments["x"], np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(upstream.cotangents[0], before)
