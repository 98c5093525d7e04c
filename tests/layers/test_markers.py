from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.explicit import LayerDeclarationError, layer
from gradcheck_cli.layers.loading import load
from gradcheck_cli.layers.markers import marks_at

HEADS = {
    "one line": "def f(x):  # gradcheck: expect[straight-through]\n    return x\n",
    "several lines": "def f(\n    x,\n    y={1: 2},\n):  # gradcheck: expect[straight-through]\n    return x\n",
    "inside the head": "def f(\n    x,  # gradcheck: expect[straight-through]\n):\n    return x\n",
    "with a reason": "def f(x):  # gradcheck: expect[straight-through] as everyone does\n    return x\n",
    "a body beside it": "def f(x): return x  # gradcheck: expect[straight-through]\n",
    "close together": "class F:#gradcheck:expect[straight-through]\n    pass\n",
}


@pytest.mark.parametrize("source", HEADS.values(), ids=HEADS.keys())
def test_a_comment_in_the_head_of_a_definition(source: str) -> None:
    assert marks_at(source, 1) == {"expect": ("straight-through",)}


NOTHING = {
    "no comment": "def f(x):\n    return x\n",
    "in the body": "def f(x):\n    return x  # gradcheck: expect[straight-through]\n",
    "above": "# gradcheck: expect[straight-through]\n",
    "in quotes": "def f(x='# gradcheck: expect[straight-through]'):\n    return x\n",
    "another tool": "def f(x):  # noqa: E501\n    return x\n",
    "no brackets": "def f(x):  # gradcheck: expect straight-through\n    return x\n",
    "not Python": "def f(x:\n",
    "past the end": "",
}


@pytest.mark.parametrize(("line", "source"), [(2 if name == "above" else 1, text) for name, text in NOTHING.items()])
def test_what_says_nothing(line: int, source: str) -> None:
    assert marks_at(source, line) == {}


def test_several_words_and_values() -> None:
    source = "x = 1\ndef f(x):  # gradcheck: ignore[GC304, GC201] expect[custom]\n    return x\n"
    assert marks_at(source, 2) == {"ignore": ("GC304", "GC201"), "expect": ("custom",)}


MODULE = """
import jax
import numpy as np


def plain_forward(x):
    return np.round(x), None


def plain_backward(dout, cache):
    return dout


def marked_forward(x):
    return np.round(x), None


def marked_backward(dout, cache):  # gradcheck: expect[straight-through]
    return dout


class Reverse:
    def forward(self, x):
        return x

    def backward(self, dout):  # gradcheck: expect[custom]
        return -dout


@jax.custom_vjp
def rule(x):
    return jax.numpy.round(x)


def rule_fwd(x):
    return rule(x), None


def rule_bwd(_, g):  # gradcheck: expect[straight-through]
    return (g,)


rule.defvjp(rule_fwd, rule_bwd)


def misspelt_forward(x):
    return x, None


def misspelt_backward(dout, cache):  # gradcheck: expect[straight-trough]
    return dout
"""


def test_every_convention_hears_it(tmp_path: Path) -> None:
    path = tmp_path / "marked.py"
    path.write_text(MODULE)
    found = find(load(path))
    assert {layer.name: layer.expect for layer in found.layers} == {
        "plain": "",
        "marked": "straight-through",
        "Reverse": "custom",
        "rule": "straight-through",
        "misspelt": "",
    }
    (problem,) = found.problems
    assert problem.line == MODULE[: MODULE.index("def misspelt_backward")].count("\n") + 1
    assert "expect[straight-trough]" in problem.message
    assert problem.mend is not None and "`# gradcheck: expect[straight-through]`" in problem.mend


@pytest.mark.parametrize("comment", ["expects[straight-through]", "expect straight-through", "expect[]", "expect"])
def test_a_comment_that_says_nothing_known_is_told(tmp_path: Path, comment: str) -> None:
    path = tmp_path / "marked.py"
    path.write_text(MODULE.replace("expect[straight-trough]", comment))
    (problem,) = find(load(path)).problems
    assert f"`# gradcheck: {comment}`" in problem.message
    assert "misspelt" in problem.message


def test_a_declaration_refuses_what_it_does_not_know() -> None:
    with pytest.raises(LayerDeclarationError, match=r'takes "straight-through" or "custom"'):
        layer(forward=lambda x: x, backward=lambda dout: dout, expect="magic")


@pytest.mark.parametrize(
    ("comment", "problems"),
    [
        ("ignore[GC304]", 0),
        ("ignore", 0),
        ("ignore GC304", 0),
        ("ignore[GC304", 0),
        ("ignore[GC304] expect[custom]", 0),
        ("ignores[GC304]", 1),
        ("ignored", 1),
        ("ignore[GC304] expekt[custom]", 1),
    ],
)
def test_what_is_to_be_ignored_is_no_mistake_about_what_to_expect(tmp_path: Path, comment: str, problems: int) -> None:
    forward = "def f_forward(x):\n    return x, None\n\n\n"
    backward = f"def f_backward(dout, cache):  # gradcheck: {comment}\n    return dout\n"
    (tmp_path / "marked.py").write_text(forward + backward)
    discovery = find(load(tmp_path / "marked.py"))
    assert len(discovery.problems) == problems
    assert [layer.expect for layer in discovery.layers] == ["custom" if "expect[" in comment else ""]
