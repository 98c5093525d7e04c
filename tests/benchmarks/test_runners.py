"""The runners: a planted bug is found and a right layer passes; what reaches the peers is the layer itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection import job as jobs
from benchmarks.detection.__main__ import parse
from benchmarks.detection.choice import chosen
from benchmarks.detection.job import PEERS, Job, work
from benchmarks.detection.planted import ZOO
from benchmarks.detection.record import BEGIN, END, is_false_alarm, is_miss, markdown, update
from benchmarks.detection.results import OURS, Result, Run, read, write
from benchmarks.detection.runners.flat import FlatLayer
from benchmarks.detection.runners.ours import gradcheck
from benchmarks.detection.runners.outcome import Said
from gradcheck_cli.layers.options import InputOptions
from tests.benchmarks.zoo_modules import GATE, KEEPS, SEVERAL, bug_in, right


@pytest.mark.parametrize(("source", "layer"), [(GATE, "gate"), (SEVERAL, "half_mse_loss"), (SEVERAL, "Scale")])
def test_a_right_layer_passes_everywhere(tmp_path: Path, source: str, layer: str) -> None:
    sound = right(tmp_path, source, layer)
    assert gradcheck(tmp_path / "zoo_layer.py", layer, InputOptions()).said is Said.RIGHT
    assert PEERS["jax"](sound.bound, sound.draws).said is Said.RIGHT


@pytest.mark.parametrize("peer", ["torch", "torch-fast"])
def test_torch_passes_a_right_layer_and_finds_a_bug(tmp_path: Path, peer: str) -> None:
    pytest.importorskip("torch")
    sound = right(tmp_path, SEVERAL, "Scale")
    assert PEERS[peer](sound.bound, sound.draws).said is Said.RIGHT
    wrong = right(tmp_path, SEVERAL.replace("dout * self.x, axis=0", "dout * self.x * 2, axis=0"), "Scale")
    assert PEERS[peer](wrong.bound, wrong.draws).said is Said.WRONG


def test_a_job_finds_a_planted_bug_with_every_tool(tmp_path: Path) -> None:
    bug = bug_in(tmp_path, GATE, "gate", "(live * x).sum(axis=0)", "(live * x).mean(axis=0)")
    run = work(Job(bug.module, "gate", 0, "float64", (OURS, "jax"), (bug,)))
    assert not run.problems
    assert [(item.tool, item.bug != "", item.said) for item in run.results] == [
        ("gradcheck", False, "right"),
        ("jax", False, "right"),
        ("gradcheck", True, "wrong"),
        ("jax", True, "wrong"),
    ]
    assert all(item.applicable and item.effect == "changed" for item in run.results if item.bug)
    assert [item.wrong for item in run.references] == [0]


def test_an_equivalent_does_not_count(tmp_path: Path) -> None:
    bug = bug_in(tmp_path, GATE, "gate", "(x > 0)\n    a", "(x >= 0)\n    a")
    (_, planted) = work(Job(bug.module, "gate", 0, "float64", (OURS,), (bug,))).results
    assert planted.effect == "none"
    assert not planted.applicable
    assert not is_miss(planted)


def test_a_broken_contract_counts_though_its_gradients_are_right(tmp_path: Path) -> None:
    bug = replace(bug_in(tmp_path, KEEPS, "keep", "1 - y * y)", "1 - y * y) + 0"), code="GC302")
    (_, planted) = work(Job(bug.module, "keep", 0, "float64", (OURS,), (bug,))).results
    assert planted.applicable
    assert is_miss(planted)


def test_what_goes_wrong_with_the_benchmark_is_said(tmp_path: Path) -> None:
    path = tmp_path / "zoo_layer.py"
    path.write_text(KEEPS)
    (problem,) = work(Job(path, "nothing", 0, "float64", (OURS,), ())).problems
    assert "no layer `nothing`" in problem


def test_the_inputs_are_those_that_gradcheck_draws(tmp_path: Path) -> None:
    source = KEEPS.replace("1 - y * y", "2 - y * y")
    wrong = right(tmp_path, source, "keep", seed=3)
    from gradcheck_cli.checking import CheckOptions, Target, check_targets

    report = check_targets([Target(tmp_path / "zoo_layer.py", "keep")], CheckOptions(InputOptions(seed=3)))
    failing = report.layers[0].failing_draw
    assert failing is not None
    drawn = wrong.draws[failing.index]
    np.testing.assert_array_equal(failing.arguments[0].value, drawn.case.arguments["x"])
    np.testing.assert_array_equal(failing.upstream[0].value, drawn.upstream.cotangents[0])


def test_the_peers_get_the_users_own_code(tmp_path: Path) -> None:
    sound = right(tmp_path, SEVERAL, "Scale")
    flat = FlatLayer(sound.bound, sound.draws[0])
    leaves = flat.leaves
    (output,), result = flat.forward(leaves)
    by_name = dict(zip([leaf.name for leaf in sound.draws[0].case.leaves], leaves))
    np.testing.assert_array_equal(output, by_name["x"] * by_name["g"])
    gradients = dict(zip(by_name, flat.backward(result, [np.ones_like(output)])))
    np.testing.assert_allclose(gradients["g"], by_name["x"].sum(axis=0))


def test_a_unit_upstream_is_multiplied_in(tmp_path: Path) -> None:
    sound = right(tmp_path, SEVERAL, "half_mse_loss")
    flat = FlatLayer(sound.bound, sound.draws[0])
    _, result = flat.forward(flat.leaves)
    once, thrice = (flat.backward(result, [np.asarray(factor)])[0] for factor in (1.0, 3.0))
    assert once is not None
    np.testing.assert_allclose(thrice, 3 * once)


def test_what_runs_too_long_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SECONDS", 0.3)
    endless = KEEPS.replace("return np.tanh(x), np.tanh(x)", "while x.size: pass")
    path = tmp_path / "zoo_layer.py"
    path.write_text(endless)
    outcome = jobs._ask(OURS, path, "keep", None, (), InputOptions())  # type: ignore[arg-type]
    assert outcome.said is Said.FAILED


def results() -> Run:
    ours = Result("m", "f", 0, "float64", OURS, "right", 0.2)
    found = replace(ours, said="wrong", bug="m::f#a@1", kind="axis", what="`0` → `1`", effect="changed", worst=0.5)
    missed = replace(found, said="right", bug="m::f#b@2", worst=2e-6)
    contract = replace(found, said="right", bug="m::f#c@3", effect="none", worst=0.0)
    peer = replace(ours, tool="jax", said="wrong", words="AssertionError: `x`")
    return Run((ours, found, missed, contract, peer), machine="Here.")


def test_the_record_names_misses_and_false_alarms() -> None:
    text = markdown(results())
    assert "| 0 | 2 | 1 | 50.00 % | 1 | 0 | 1 | 0 | 0 |" in text
    assert "- seed 0: `m::f#b@2` (off by up to 2e-06 of an element): `0` → `1`" in text
    assert "- seed 0: `m::f`: AssertionError: 'x'" in text
    assert [is_miss(item) for item in results().results] == [False, False, True, True, False]
    assert [is_false_alarm(item) for item in results().results] == [False, False, False, False, True]


def test_detection_is_never_rounded_up_to_all() -> None:
    one = results().results[1]
    many = Run((*(replace(one, bug=str(number)) for number in range(29_999)), replace(one, said="right")))
    assert "100 %" not in markdown(many)
    assert "99.99 %" in markdown(many)


def test_results_survive_a_file(tmp_path: Path) -> None:
    run = replace(results(), left_out={"none": 3}, problems=("one",))
    write(run, tmp_path / "run.json")
    assert read([tmp_path / "run.json"]) == run
    assert json.loads((tmp_path / "run.json").read_text())["machine"] == "Here."
    assert len(read([tmp_path / "run.json"] * 2).results) == 2 * len(run.results)


def test_the_page_is_changed_between_its_markers_only(tmp_path: Path) -> None:
    page = tmp_path / "record.md"
    begin, end = BEGIN.format("float32"), END.format("float32")
    other = f"{BEGIN.format('float64')}\nkept\n{END.format('float64')}"
    page.write_text(f"# Record\n\n{other}\n\n{begin}\nold\n{end}\n\nAfter.\n")
    update(page, "new", "float32")
    assert page.read_text() == f"# Record\n\n{other}\n\n{begin}\n\nnew\n\n{end}\n\nAfter.\n"
    page.write_text("no markers")
    with pytest.raises(ValueError, match="has no markers"):
        update(page, "new", "float64")


def test_options_pick_layers() -> None:
    names = [["f", "g"] for _ in ZOO]
    assert sum(map(len, chosen(names, "", 0).values())) == 2 * len(ZOO)
    assert sum(map(len, chosen(names, "", 3).values())) == 3
    assert list(chosen(names, f"{ZOO[0].stem}::g", 0).values()) == [["g"]]
    assert parse(["--seeds", "3-5"]).seeds == range(3, 6)
    with pytest.raises(SystemExit):
        parse(["--tools", "nothing"])
