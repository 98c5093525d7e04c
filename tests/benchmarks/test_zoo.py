"""The zoo as a book: enough layers, each with bugs, and each bug one replacement in one backward of its module."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from benchmarks.detection.planted import PLANTED, ZOO, Planted
from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.layer import Convention, Layer
from gradcheck_cli.layers.loading import load

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
