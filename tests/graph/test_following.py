"""What the user wrote is found again in the graph: names, expressions, lines, calls; NumPy and JAX alike."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from tests.graph.followed import gate, gates, graph

STEPS = """
    def step(h, w):
        \"\"\"h: of shape (N, D); w: of shape (D, D)\"\"\"
        return LIB.tanh(h @ w)

    def deep(w, x):
        \"\"\"
        - w: of shape (D, D)
        - x: of shape (N, D)
        \"\"\"
        h = x
        for _ in range(3):
            h = step(h, w)
        mu = h.mean(axis=0)
        return LIB.maximum(h - mu, 0)
"""


@pytest.fixture(params=["np", "jnp"])
def library(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_each_call_of_a_function_is_a_gate_that_can_be_opened(tmp_path, library):
    source = STEPS.replace("LIB", library)
    folded = graph(tmp_path, source, "deep")
    assert gates(folded) == ["step", "step", "step", "mean", "subtract", "max"]
    opened = graph(tmp_path, source, "deep", expand=("step",))
    assert gates(opened)[:6] == ["matrix product", "tanh"] * 3


def test_values_have_the_users_names_and_gates_his_expressions_and_lines(tmp_path, library):
    shown = graph(tmp_path, STEPS.replace("LIB", library), "deep")
    mean = gate(shown, "mean")
    assert (mean.expression, mean.line) == ("h.mean(axis=0)", 18)
    assert [shown.label(wire) for wire in mean.outputs] == ["mu"]
    assert [shown.label(port.wire) for port in mean.inputs] == ["h"]
    assert [shown.label(wire) for wire in shown.inputs] == ["w", "x"]


def test_the_gradients_of_the_inputs_are_autodiffs(tmp_path, library):
    import jax
    import jax.numpy as jnp

    shown = graph(tmp_path, STEPS.replace("LIB", library), "deep")

    def total(w, x):
        h = x
        for _ in range(3):
            h = jnp.tanh(h @ w)
        return (jnp.maximum(h - h.mean(axis=0), 0) * shown.upstream[0]).sum()

    with jax.enable_x64(True):
        wanted = jax.grad(total, (0, 1))(*(jnp.asarray(shown.wires[wire].value) for wire in shown.inputs))
    for wire, right in zip(shown.inputs, wanted):
        np.testing.assert_allclose(shown.wires[wire].gradient, right, rtol=1e-12)


def test_downstream_gradients_of_all_uses_add_up_to_the_gradient_of_the_value(tmp_path, library):
    for expand in ((), ("all",)):
        shown = graph(tmp_path, STEPS.replace("LIB", library), "deep", expand=expand)
        for wire in shown.wires:
            uses = [port.downstream for gate in shown.shown() for port in gate.inputs if port.wire == wire.number]
            known = [gradient for gradient in uses if gradient is not None]
            if known and wire.number not in shown.outputs:
                np.testing.assert_allclose(sum(known), wire.gradient, rtol=1e-12)


def test_a_local_gradient_times_upstream_is_downstream(tmp_path, library):
    shown = graph(tmp_path, STEPS.replace("LIB", library), "deep", expand=("all",))
    seen = 0
    for gate_ in shown.shown():
        for port in gate_.inputs:
            if port.local is not None and port.downstream is not None:
                upstream = shown.wires[gate_.outputs[0]].gradient
                np.testing.assert_allclose(port.local * upstream, port.downstream, rtol=1e-12)
                seen += 1
    assert seen >= 4


def test_a_graph_of_many_steps_is_the_same_as_a_small_one(tmp_path, library, monkeypatch):
    from gradcheck_cli.graph import values

    source = STEPS.replace("LIB", library)
    small = graph(tmp_path, source, "deep")
    monkeypatch.setattr(values, "WHOLE", 0)
    large = graph(tmp_path, source, "deep")
    assert gates(small) == gates(large)
    for one, other in zip(small.wires, large.wires):
        np.testing.assert_allclose(one.value, other.value, rtol=1e-13)
        if one.gradient is None or other.gradient is None:
            assert one.gradient is other.gradient is None
        else:
            np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-9, atol=1e-12)


def test_a_layer_and_its_own_backward(tmp_path):
    source = """
        def scale_forward(x, w):
            \"\"\"
            - x: of shape (N, D)
            - w: of shape (D,)
            \"\"\"
            return x * w, (x, w)

        def scale_backward(dout, cache):
            x, w = cache
            return dout * w, 2 * (dout * x).sum(axis=0)
    """
    shown = graph(tmp_path, source, "scale", yours=True)
    x, w = (shown.wires[wire] for wire in shown.inputs)
    np.testing.assert_allclose(x.yours, x.gradient)
    np.testing.assert_allclose(w.yours, 2 * w.gradient)


def test_a_while_loop_says_that_no_gradient_flows_back(tmp_path):
    source = """
        def doubled(x):
            \"\"\"x: of shape (3,)\"\"\"
            return jax.lax.while_loop(lambda s: s.sum() < 100, lambda s: s * 2, jnp.abs(x) + 1).sum()
    """
    shown = graph(tmp_path, source, "doubled")
    assert any("no gradient flows back through `while`" in note for note in shown.notes)
    assert shown.wires[shown.inputs[0]].gradient is None


def test_a_scan_is_one_gate_and_its_gradient_right(tmp_path):
    source = """
        def summed(x):
            \"\"\"x: of shape (5,)\"\"\"
            def body(total, one):
                total = total + one ** 2
                return total, total
            return jax.lax.scan(body, 0.0, x)[0]
    """
    shown = graph(tmp_path, source, "summed")
    assert "loop of 5" in gates(shown)
    held = shown.wires[shown.inputs[0]]
    np.testing.assert_allclose(held.gradient, 2 * held.value)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("def f(x):\n    return np.array(str(x))\n", "f"),
        ("def f(x):\n    raise ValueError('no')\n", "ValueError: no"),
    ],
)
def test_what_cannot_be_followed_is_said_with_its_line(tmp_path, source, what):
    with pytest.raises(UserError) as raised:
        graph(tmp_path, source, "f", at={"x": 1.0})
    assert what in raised.value.message


def test_values_that_are_given_are_used_and_unknown_names_refused(tmp_path):
    source = "def f(x, y):\n    return x * y\n"
    shown = graph(tmp_path, source, "f", at={"x": [1, 2], "y": 3})
    assert [shown.wires[wire].value.tolist() for wire in shown.inputs] == [[1.0, 2.0], 3.0]
    with pytest.raises(UserError, match="no argument `z`"):
        graph(tmp_path, source, "f", at={"z": 3})
