"""The zoo as a book: enough layers, each with bugs, and each bug one replacement in one backward of its module."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from benchmarks.detection.planted import PLANTED, ZOO, Planted
from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.layer import Convention, Layer
from gradcheck_cli.layers.loading import load
from gradcheck_cli.report.codes import RULES as CODES

RULES = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")


def named(planted: Planted) -> str:
    return planted.name


@cache
def parts(module: Path) -> list[tuple[ast.stmt, str]]:
    """The top-level statements of a right module, each with its structure in words."""
    return [(node, ast.dump(node)) for node in ast.parse(module.read_text(encoding="utf-8")).body]


@pytest.fixture(scope="module")
def layers() -> dict[Path, list[Layer]]:
    return {module: list(find(load(module)).layers) for module in ZOO}


def test_there_are_enough_layers_of_every_convention_in_numpy_and_in_jax(layers: dict[Path, list[Layer]]) -> None:
    found = [layer for those in layers.values() for layer in those]
    assert len(found) >= 100
    assert {layer.convention for layer in found} == set(Convention) - {Convention.FUNCTION, Convention.NETWORK}
    assert sum(layer.uses_jax for layer in found) >= 30


def test_every_layer_has_bugs_and_every_bug_a_layer(layers: dict[Path, list[Layer]]) -> None:
    bugs = Counter((bug.module, bug.layer) for bug in PLANTED)
    there = {(module, layer.name) for module, those in layers.items() for layer in those}
    assert set(bugs) == there
    assert min(bugs.values()) >= 2
    assert len(PLANTED) >= 300


def test_names_are_unique_and_codes_are_rules() -> None:
    assert [name for name, count in Counter(bug.name for bug in PLANTED).items() if count > 1] == []
    assert {bug.code for bug in PLANTED if bug.code not in RULES} == set()
    assert all(bug.what and bug.old != bug.new for bug in PLANTED)


def test_what_describes_a_bug_as_well_is_another_rule() -> None:
    assert {code for bug in PLANTED for code in bug.also if code not in CODES} == set()
    assert [bug.name for bug in PLANTED if bug.code in bug.also or len(set(bug.also)) < len(bug.also)] == []


def test_a_path_that_is_wrong_has_a_line() -> None:
    """So do local derivatives and masks: each of these codes is about one step of the forward."""
    assert [bug.name for bug in PLANTED if bug.code in ("GC208", "GC209", "GC210", "GC212") and not bug.forward] == []


@pytest.mark.parametrize("module", ZOO, ids=lambda module: module.stem)
def test_the_lines_are_the_forwards(module: Path) -> None:
    """They stand in no backward, and the bug leaves them as they are."""
    text = module.read_text(encoding="utf-8")
    right, own = text.splitlines(), backwards(text)
    for bug in (bug for bug in PLANTED if bug.module == module and bug.forward):
        wrong = bug.source().splitlines()
        before, after = sorted(replace(bug, new=bug.old).forward_lines()), sorted(bug.forward_lines())
        assert len(before) >= len(bug.forward), bug.name
        assert [right[line - 1] for line in before] == [wrong[line - 1] for line in after], bug.name
        assert not any(line in lines for lines in own for line in before), bug.name


def backwards(source: str) -> list[range]:
    """The lines of each function of a module that is a backward by its name."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    names = ("backward", "backprop", "pullback", "_bwd", "_jvp", "gradient")
    return [
        range(node.lineno, (node.end_lineno or 0) + 1) for node in functions if any(part in node.name for part in names)
    ]


def test_a_line_is_looked_for_in_the_layers_own_forward_first(tmp_path: Path) -> None:
    module = tmp_path / "two.py"
    module.write_text(
        "def a_forward(x):\n    y = 2 * x\n    return y\n\n\ndef b_forward(x):\n    y = 2 * x\n    return 1\n"
    )
    shared = Planted("shared", module, "b", "return 1", "return 2", "", "GC209", forward=("y = 2 * x",))
    assert shared.forward_lines() == {7}
    helper = Planted("helper", module, "b", "return 1", "return 2", "", "GC209", forward=("return y",))
    assert helper.forward_lines() == {3}
    two = Planted("two", module, "b", "return 1", "return 2", "", "GC209", forward=("y = 2 * x\n    return 2",))
    assert two.forward_lines() == {7, 8}


def test_a_line_that_is_not_there_or_in_two_places_is_refused(tmp_path: Path) -> None:
    module = tmp_path / "two.py"
    functions = ("def a(x):\n    return x\n", "def b(x):\n    return x\n", "def c_backward(g):\n    return 1\n")
    module.write_text("\n\n".join(functions))
    for snippet in ("return x", "return y"):
        bug = Planted("bug", module, "c", "return 1", "return 2", "", "GC209", forward=(snippet,))
        with pytest.raises(ValueError, match=f"`{snippet}` does not occur once"):
            bug.forward_lines()


@pytest.mark.parametrize("bug", PLANTED, ids=named)
def test_the_replaced_text_occurs_once_and_the_result_compiles(bug: Planted) -> None:
    right = bug.module.read_text(encoding="utf-8")
    assert right.count(bug.old) == 1
    wrong = bug.source()
    compile(wrong, bug.module.name, "exec")


@pytest.mark.parametrize("bug", PLANTED, ids=named)
def test_the_forward_is_left_alone(bug: Planted) -> None:
    """Only one top-level function or class differs, and in a class only methods that are no forward."""
    wrong = ast.parse(bug.source()).body
    changed = [
        (one, other) for (one, said), other in zip(parts(bug.module), wrong, strict=True) if said != ast.dump(other)
    ]
    assert len(changed) == 1
    one, other = changed[0]
    assert isinstance(one, (ast.FunctionDef, ast.ClassDef)) and isinstance(other, type(one))
    assert not one.name.endswith(("_forward", "_fwd"))
    if isinstance(one, ast.ClassDef):
        pairs = [pair for pair in zip(one.body, other.body, strict=True) if ast.dump(pair[0]) != ast.dump(pair[1])]
        assert [pair[0].name for pair in pairs if isinstance(pair[0], ast.FunctionDef)] == ["backward"]


def test_a_text_that_is_not_there_is_refused() -> None:
    bug = PLANTED[0]
    stale = Planted(bug.name, bug.module, bug.layer, "no such line", "", bug.what, bug.code)
    with pytest.raises(ValueError, match="0 times"):
        stale.source()
