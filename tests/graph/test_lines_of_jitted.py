"""A function that JAX has jitted keeps the program of its first call: its steps are on the line that called it now."""

from __future__ import annotations

from pathlib import Path

from .followed import graph

SOURCE = """
def twice(x):
    first = jnp.where(x > 0, x, 0.0)
    second = jnp.where(x > 1, x, 0.0)
    return first + second
"""


def test_each_call_has_its_own_line(tmp_path: Path) -> None:
    shown = graph(tmp_path, SOURCE, "twice", at={"x": [0.5, 2.0]})
    lines = [gate.line for gate in shown.shown() if "where" in gate.expression]
    assert len(set(lines)) == 2
