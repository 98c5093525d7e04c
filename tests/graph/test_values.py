"""All values and gradients of a graph, compiled as a whole or step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from gradcheck_cli.graph import values
from gradcheck_cli.graph.steps import steps_of
from gradcheck_cli.graph.values import evaluate
from tests.witnesses.cases import make_case
from tests.witnesses.traces import make_trace

LAYERS: dict[str, Callable[[Any], Any]] = {
    "numbers of the program's own": lambda x: (x * 2.0) * 3.0 - 5.0 * x,
    "powers": lambda x: x**2 + x**3,
    "bounds": lambda x: jnp.maximum(x, 0.5) + jnp.maximum(x, -0.5),
}


@pytest.mark.parametrize("name", LAYERS)
def test_steps_compiled_one_by_one_are_those_of_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.array([-1.0, 0.2, 0.7, 2.0])
    steps = steps_of(make_trace(LAYERS[name], make_case({"x": x})))
    whole = evaluate(steps, [x], [np.ones(4)])
    monkeypatch.setattr(values, "WHOLE", 0)
    apart = evaluate(steps, [x], [np.ones(4)])
    np.testing.assert_allclose(apart.values[steps.outputs[0].value], LAYERS[name](x), rtol=1e-12)
    np.testing.assert_allclose(apart.gradients[steps.inputs[0]], whole.gradients[steps.inputs[0]], rtol=1e-12)
