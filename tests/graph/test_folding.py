"""Several gates as one, and one as several: the gradients that come in and go out stay what they are."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from tests.graph.followed import gate, gates, graph, number

NEURON = """
    def neuron(w, x):
        return 1 / (1 + np.exp(-(w[0] * x[0] + w[1] * x[1] + w[2])))

    def almost(z):
        return 1 / (2 + np.exp(-z))
"""
AT = {"w": [2, -3, -3], "x": [-1, -2]}


def test_the_four_gates_of_a_sigmoid_are_found_and_made_one(tmp_path):
    apart = graph(tmp_path, NEURON, "neuron", at=AT)
    assert gates(apart)[-4:] == ["negate", "exp", "add a constant", "reciprocal"]
    together = graph(tmp_path, NEURON, "neuron", at=AT, collapse=("sigmoid",))
    sigmoid = gate(together, "sigmoid")
    (port,) = sigmoid.inputs
    y = 1 / (1 + np.exp(-1))
    assert number(port.local) == pytest.approx(y * (1 - y), rel=1e-14)
    assert number(port.downstream) == pytest.approx(y * (1 - y), rel=1e-14)
    assert number(together.wires[sigmoid.outputs[0]].value) == pytest.approx(y, rel=1e-14)
    negate = gate(apart, "negate")
    assert number(port.downstream) == number(negate.inputs[0].downstream)


def test_gates_are_made_one_by_their_numbers(tmp_path):
    apart = graph(tmp_path, NEURON, "neuron", at=AT)
    first, last = gate(apart, "negate").number, gate(apart, "reciprocal").number
    together = graph(tmp_path, NEURON, "neuron", at=AT, collapse=(f"squash={first}-{last}",))
    assert gates(together)[-1] == "squash"
    assert len(gates(together)) == len(gates(apart)) - 3


def test_what_is_no_sigmoid_is_not_called_one(tmp_path):
    with pytest.raises(UserError, match="no such function or chain"):
        graph(tmp_path, NEURON, "almost", at={"z": 1}, collapse=("sigmoid",))


def test_a_block_with_fan_out_inside_hands_back_the_sum(tmp_path):
    source = "def f(x):\n    a = x * 2\n    return a * a + a\n"
    together = graph(tmp_path, source, "f", at={"x": 3}, collapse=("block=1-3",))
    (block,) = together.shown()
    assert block.operation == "block"
    assert number(block.inputs[0].local) == pytest.approx(2 * (2 * 6 + 1))
    assert number(block.inputs[0].downstream) == pytest.approx(26)


@pytest.mark.parametrize(("option", "told"), [("expand", "nothing"), ("collapse", "a=70-80"), ("collapse", "neuron")])
def test_what_is_not_there_is_refused_with_a_mend(tmp_path, option, told):
    with pytest.raises(UserError) as raised:
        graph(tmp_path, NEURON, "neuron", at=AT, **{option: (told,)})
    assert raised.value.mend
