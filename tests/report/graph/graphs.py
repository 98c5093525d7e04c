"""Computation graphs made by hand: the values are worked out here, by no code of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.report.graph.model import Gate, Graph, Port, Wire


def wire(number: int, value: Any, gradient: Any = None, name: str = "", kind: str = "inner") -> Wire:
    back = None if gradient is None else np.asarray(gradient, dtype=np.float64)
    return Wire(number, name, kind, np.asarray(value, dtype=np.float64), back)


def port(number: int | None, local: Any = None, downstream: Any = None, formula: str = "") -> Port:
    as_array = [None if item is None else np.asarray(item, dtype=np.float64) for item in (local, downstream)]
    return Port(number, None, as_array[0], formula, as_array[1])


def constant(value: Any) -> Port:
    return Port(None, np.asarray(value))


def graph(wires: Sequence[Wire], gates: Sequence[Gate], outputs: Sequence[int], **changes: Any) -> Graph:
    inputs = tuple(item.number for item in wires if item.kind == "input")
    upstream = tuple(np.ones_like(wires[number].value) for number in outputs)
    made = Graph("f", "layers.py", 8, 0, tuple(wires), tuple(gates), inputs, tuple(outputs), upstream)
    return replace(made, **changes)


def neuron(*, folded: bool = True) -> Graph:
    """1 / (1 + exp(-(w0 x0 + w1 x1 + w2))) at w = (2, -3, -3), x = (-1, -2)."""
    e = np.exp(-1.0)
    s = 1 / (1 + e)
    at_z = s * (1 - s)
    dw, dx = np.array([-at_z, -2 * at_z, at_z]), np.array([2 * at_z, -3 * at_z])
    wires = [
        wire(0, [2, -3, -3], dw, "w", "input"),
        wire(1, [-1, -2], dx, "x", "input"),
        wire(2, 2, dw[0]),
        wire(3, -1, dx[0]),
        wire(4, -2, at_z),
        wire(5, -3, dw[1]),
        wire(6, -2, dx[1]),
        wire(7, 6, at_z),
        wire(8, 4, at_z),
        wire(9, -3, at_z),
        wire(10, 1, at_z, "z"),
        wire(11, -1, -at_z),
        wire(12, e, -(s**2)),
        wire(13, 1 + e, -(s**2)),
        wire(14, s, 1),
    ]

    def taken(number: int, source: int, index: int, out: int, back: Any) -> Gate:
        name = "wx"[source]
        ports = (port(source, None, back, "1 for what was taken, else 0"), constant(index))
        return Gate(number, "select", ports, (out,), "select", "layers.py", 9, f"{name}[{index}]")

    def two(number: int, operation: str, pattern: str, ports: tuple[Port, ...], out: int, text: str) -> Gate:
        return Gate(number, operation, ports, (out,), pattern, "layers.py", 9, text)

    sum_ = "w[0] * x[0] + w[1] * x[1]"
    parts = (
        Gate(10, "negate", (port(10, -1, at_z, "-1"),), (11,), "scaler", "layers.py", 5, "-z"),
        Gate(11, "exp", (port(11, e, -at_z, "the output"),), (12,), "", "layers.py", 5, "np.exp(-z)"),
        Gate(12, "add a constant", (constant(1.0), port(12, 1, -(s**2), "1")), (13,), "distributor"),
        Gate(13, "reciprocal", (constant(1.0), port(13, -(s**2), -(s**2))), (14,), "", "layers.py", 5),
    )
    gates = [
        taken(1, 0, 0, 2, [dw[0], 0, 0]),
        taken(2, 1, 0, 3, [dx[0], 0]),
        two(3, "multiply", "switcher", (port(2, -1, dw[0], "v3"), port(3, 2, dx[0], "v2")), 4, "w[0] * x[0]"),
        taken(4, 0, 1, 5, [0, dw[1], 0]),
        taken(5, 1, 1, 6, [0, dx[1]]),
        two(6, "multiply", "switcher", (port(5, -2, dw[1], "v6"), port(6, -3, dx[1], "v5")), 7, "w[1] * x[1]"),
        two(7, "add", "distributor", (port(4, 1, at_z, "1"), port(7, 1, at_z, "1")), 8, sum_),
        taken(8, 0, 2, 9, [0, 0, dw[2]]),
        two(9, "add", "distributor", (port(8, 1, at_z, "1"), port(9, 1, at_z, "1")), 10, f"{sum_} + w[2]"),
        Gate(10, "sigmoid", (port(10, at_z, at_z),), (14,), "", "layers.py", 5, "", parts, folded=folded),
    ]
    return graph(wires, gates, [14], name="neuron")


def fan_out() -> Graph:
    """x * x + exp(x) at 2: one wire, three uses."""
    e = float(np.exp(2.0))
    wires = [wire(0, 2, 4 + e, "x", "input"), wire(1, 4, 1, "a"), wire(2, e, 1, "b"), wire(3, 4 + e, 1)]
    gates = [
        Gate(1, "multiply", (port(0, 2, 2, "x"), port(0, 2, 2, "x")), (1,), "switcher"),
        Gate(2, "exp", (port(0, e, e, "the output"),), (2,)),
        Gate(3, "add", (port(1, 1, 1, "1"), port(2, 1, 1, "1")), (3,), "distributor"),
    ]
    return graph(wires, gates, [3])


def arrays() -> Graph:
    """tanh(h @ w): 3×7 by 7×2000, larger than is written out."""
    rng = np.random.default_rng(0)
    h, w = rng.normal(size=(3, 7)), rng.normal(size=(7, 2000))
    product = h @ w
    out = np.tanh(product)
    back = 1 - out**2
    wires = [
        wire(0, h, back @ w.T, "h", "input"),
        wire(1, w, h.T @ back, "w", "input"),
        wire(2, product, back, "a"),
        wire(3, out, np.ones_like(out)),
    ]
    gates = [
        Gate(1, "matrix product", (port(0, None, back @ w.T, "wᵀ"), port(1, None, h.T @ back, "hᵀ")), (2,), "switcher"),
        Gate(2, "tanh", (port(2, back, back),), (3,)),
    ]
    return graph(wires, gates, [3])


def not_finite() -> Graph:
    wires = [
        wire(0, [np.nan, np.inf, -np.inf], [np.inf, 0, np.nan], "x", "input"),
        wire(1, np.full((2, 3), np.nan), np.full((2, 3), -np.inf)),
        wire(2, np.inf, np.nan),
    ]
    gates = [
        Gate(1, "broadcast", (port(0, None, [np.inf, 0, np.nan]),), (1,), "adder"),
        Gate(2, "sum", (port(1, None, np.full((2, 3), -np.inf), "1 for each element"),), (2,), "broadcaster"),
    ]
    return graph(wires, gates, [2])


def chain(count: int) -> Graph:
    """x, and a weight that every gate takes: a long loop."""
    wires = [wire(0, 1, 1, "x", "input"), wire(1, 1, count, "w", "input")]
    wires += [wire(number + 2, 1, 1) for number in range(count)]
    gates = [
        Gate(
            number + 1, "multiply", (port(number + 1 if number else 0, 1, 1), port(1, 1, 1)), (number + 2,), "switcher"
        )
        for number in range(count)
    ]
    return graph(wires, gates, [count + 1])


def random(count: int, seed: int) -> Graph:
    """Gates that each take from a few that came not long before."""
    rng = np.random.default_rng(seed)
    wires = [wire(number, 1, 1, f"x{number}", "input") for number in range(3)]
    gates = []
    for number in range(3, count + 3):
        chosen = rng.integers(max(0, number - 12), number, size=int(rng.integers(1, 4)))
        gates.append(Gate(number - 2, "add", tuple(port(int(one), 1, 1) for one in chosen), (number,)))
        wires.append(wire(number, 1, 1))
    return graph(wires, gates, [count + 2])


def holding(text: str) -> Graph:
    """A text wherever the user's own words can stand."""
    wires = [wire(0, 2, 1, text, "input"), wire(1, 2, 1, text), wire(2, 2, 1, text), wire(3, 2, 1, text)]
    part = Gate(2, text, (port(1, 1, 1, text),), (2,), text, text, 3, text)
    gates = [
        Gate(1, text, (port(0, 1, 1, text),), (1,), text, text, 3, text),
        Gate(2, text, (port(1, 1, 1, text),), (2,), text, text, 3, "", (part,), folded=True),
        Gate(3, "select", (port(0, 1, 1, text),), (3,), text, text, 3, text),
    ]
    return graph(wires, gates, [2, 3], name=text, path=text, notes=(text,))


ALL = {
    "neuron": neuron(),
    "unfolded": neuron(folded=False),
    "fan_out": fan_out(),
    "arrays": arrays(),
    "not_finite": not_finite(),
    "chain": chain(40),
    "random": random(60, 1),
    "long": chain(3000),
}
HOSTILE = (
    "<script>alert(1)</script>",
    "\"quoted\" 'too'",
    '"]; A-->B',
    '"]\n    g1 --> g2',
    "line\nbreak\r\nand\rmore",
    "nul \x00 bell \x07 escape \x1b[31mred\x1b[0m",
    "&amp; &#60; #35; #quot; %%{init: {}}%%",
    "back\\slash \\n \\N \\",
    "</style></svg><b>",
    "lone \ud800 \u202eright to left",
    "- item",
    "1. one",
    "`one` **two** __three__ $$x$$",
    "",
    "x" * 3000,
)
