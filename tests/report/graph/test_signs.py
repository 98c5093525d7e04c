from __future__ import annotations

import pytest

from gradcheck_cli.report.graph.model import Gate, Port
from gradcheck_cli.report.graph.signs import sign
from tests.report.graph.graphs import constant, port


def of(operation: str, *ports: Port) -> str:
    return sign(Gate(1, operation, ports, (9,)))


@pytest.mark.parametrize(
    ("operation", "ports", "text"),
    [
        ("add", (port(0), port(1)), "+"),
        ("multiply", (port(0), port(1)), "×"),
        ("matrix product", (port(0), port(1)), "@"),
        ("exp", (port(0),), "exp"),
        ("max", (port(0), port(1)), "max"),
        ("max", (port(0), constant(0.0)), "max(0, x)"),
        ("sigmoid", (port(0),), "σ"),
        ("reciprocal", (constant(1.0), port(0)), "1/x"),
        ("add a constant", (constant(1.0), port(0)), "+1"),
        ("add a constant", (port(0), constant(-0.5)), "−0.5"),
        ("add a constant", (port(0), constant([1.0, 2.0])), "+c"),
        ("subtract", (port(0), port(1)), "−"),
        ("subtract", (port(0), constant(3.0)), "−3"),
        ("subtract", (constant(3.0), port(0)), "3−x"),
        ("scale", (port(0, 0.5), constant(0.5)), "×0.5"),
        ("scale", (port(0, [1 / 3, 1 / 3]), constant(3.0)), "÷3"),
        ("scale", (port(0), constant([1.0, 2.0])), "scale"),
        ("power 3", (port(0),), "x³"),
        ("power -2", (port(0),), "x⁻²"),
        ("power", (port(0), constant(0.5)), "x^0.5"),
        ("affine", (port(0), port(1)), "affine"),
    ],
)
def test_the_sign_of_an_operation(operation: str, ports: tuple[Port, ...], text: str) -> None:
    assert of(operation, *ports) == text


def test_a_function_of_the_users_goes_by_its_name() -> None:
    part = Gate(1, "exp", (port(0),), (1,))
    assert sign(Gate(1, "add", (port(0),), (1,), parts=(part,), folded=True)) == "add"
    assert sign(Gate(1, "add", (port(0),), (1,), expression="a + b", parts=(part,), folded=True)) == "+"
