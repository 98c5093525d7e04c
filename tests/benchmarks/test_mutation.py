"""Mutants: the rest of the text stays, they are the same every time, and equivalents are told from wrong ones."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.detection import effect as effects
from benchmarks.detection.bug import Bug
from benchmarks.detection.cases import load_layers
from benchmarks.detection.catalogue import catalogue
from benchmarks.detection.effect import Effect
from benchmarks.detection.mutation import mutants
from tests.benchmarks.zoo_modules import GATE, SEVERAL, effect_of


def mutants_of(folder: Path, source: str) -> dict[str, list[Bug]]:
    path = folder / "zoo_layer.py"
    path.write_text(source)
    return mutants(path, source, load_layers(path)[1])


def functions(source: str) -> dict[str, str]:
    """Every function's text, without comments and layout, by name."""
    tree = ast.parse(source)
    return {node.name: ast.dump(node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(
    ("layer", "own"),
    [("attend", {"attend_backward", "pull"}), ("half_mse_loss", {"half_mse_loss"}), ("Scale", {"backward"})],
)
def test_only_the_backward_differs(tmp_path: Path, layer: str, own: set[str]) -> None:
    found = mutants_of(tmp_path, SEVERAL)[layer]
    assert len(found) >= 3
    before = functions(SEVERAL)
    for bug in found:
        after = functions(bug.source)
        assert after.keys() == before.keys()
        changed = {name for name in before if before[name] != after[name]}
        assert changed
        assert changed <= own, bug.what


def test_the_value_of_a_loss_is_not_touched(tmp_path: Path) -> None:
    lines = SEVERAL.splitlines()
    value = lines.index("    loss = 0.5 * np.sum(error**2)")
    for bug in mutants_of(tmp_path, SEVERAL)["half_mse_loss"]:
        assert bug.source.splitlines()[value] == lines[value]
        assert "    error = x - target" in bug.source


def test_a_helper_that_the_forward_calls_too_is_left_alone(tmp_path: Path) -> None:
    shared = SEVERAL.replace("p = softmax(x @ w)\n", "p = softmax(x @ w)\n    pull(p, p)\n")
    names = {bug.what for bug in mutants_of(tmp_path, shared)["attend"]}
    assert not any("dp" in what for what in names)


def test_many_kinds_come_first_and_names_are_unique(tmp_path: Path) -> None:
    found = mutants_of(tmp_path, SEVERAL)["attend"]
    kinds = {bug.kind for bug in found}
    assert {bug.kind for bug in found[: len(kinds)]} == kinds
    assert len({bug.name for bug in found}) == len(found)
    assert len({bug.source for bug in found}) == len(found)


def test_the_same_every_time(tmp_path: Path) -> None:
    assert mutants_of(tmp_path, SEVERAL) == mutants_of(tmp_path, SEVERAL)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("live * w + 0.0", "0.0 + w * live"),
        ("live = dout * (x > 0)", "live = dout * (x >= 0)"),
        ("(live * x).sum(axis=0)", "(x * live).sum(axis=-2)"),
        ("(live * x).sum(axis=0)", "np.sum((live * x)[::-1], axis=0)"),
    ],
)
def test_an_equivalent_is_recognised(tmp_path: Path, old: str, new: str) -> None:
    assert effect_of(tmp_path, GATE, "gate", old, new).effect is Effect.NONE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("live = dout * (x > 0)", "live = dout * (x < 0)"),
        ("live * w + 0.0", "live * w * (1 + 3e-6)"),
        ("(live * x).sum(axis=0)", "(live * x).mean(axis=0)"),
        ("(live * x).sum(axis=0)", "(live * x).sum(axis=0, keepdims=True)"),
        ("return a, dw", "return a, None"),
    ],
)
def test_a_wrong_one_is_recognised(tmp_path: Path, old: str, new: str) -> None:
    assert effect_of(tmp_path, GATE, "gate", old, new).effect is Effect.CHANGED


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        ("live * w + 0.0", "live * w * (1 + 3e-7)", Effect.SMALL),
        ("x, w = cache", "x, w = cache[0]", Effect.CRASH),
        ("a = live", "while True: pass\n    a = live", Effect.CRASH),
        ("x * w, 0.0)", "x + w, 0.0)", Effect.FORWARD),
    ],
)
def test_what_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, effect: Effect) -> None:
    monkeypatch.setattr(effects, "SECONDS", 0.5)
    assert effect_of(tmp_path, GATE, "gate", old, new).effect is effect


def test_one_element_that_is_off_is_enough(tmp_path: Path) -> None:
    change = "a = live * w * (1 + 2e-6 * (np.arange(live.size).reshape(live.shape) == 0))"
    drawn = [effect_of(tmp_path, GATE, "gate", "a = live * w + 0.0", change, seed).effect for seed in range(4)]
    assert Effect.CHANGED in drawn
    assert set(drawn) <= {Effect.CHANGED, Effect.NONE}  # none where that element's gradient is zero


def test_a_catalogue_holds_no_equivalent(tmp_path: Path) -> None:
    path = tmp_path / "zoo_layer.py"
    path.write_text(GATE)
    found = catalogue(path, ["gate"], 200)
    assert not found.problems
    texts = [bug.what for bug in found.bugs]
    assert "`x > 0` → `(x < 0)`" in texts
    assert "`x > 0` → `(x >= 0)`" not in texts
    assert "`live * w + 0.0` → `(live * w - 0.0)`" not in texts
    assert found.left_out["none"] >= 2
    assert found.left_out["crash"] >= 1
