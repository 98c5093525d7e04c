"""Files, folders and names: which layers are checked, in which order, and what stands in the way of others."""

from __future__ import annotations

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets, find_layers
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Status

PLAIN = Settings(shrink=False)

SQUARE = (
    "def square_forward(x):\n    return x**2, x\n\n\ndef square_backward(dout, cache):\n    return 2 * cache * dout\n"
)
CUBE = "def cube_forward(x):\n    return x**3, x\n\n\ndef cube_backward(dout, cache):\n    return 3 * cache * dout\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.py").write_text(SQUARE + "\n\n" + CUBE)
    (tmp_path / "b.py").write_text("VALUE = 1\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.py").write_text(SQUARE.replace("square", "other"))
    return tmp_path


def names(found):
    return [layer.name for _, layer in found.layers]


def test_a_folder_gives_all_layers_in_a_stable_order(folder):
    assert names(find_layers([Target(folder)])) == ["square", "cube", "other"]


def test_a_name_picks_one_and_a_layer_named_twice_is_checked_once(folder):
    targets = [Target(folder / "a.py", "cube"), Target(folder / "a.py", "cube_backward"), Target(folder / "a.py")]
    assert names(find_layers(targets)) == ["cube", "square"]


def test_an_unknown_name_says_what_there_is(folder):
    with pytest.raises(UserError) as caught:
        find_layers([Target(folder / "a.py", "squares")])
    assert "`square`, `cube`" in caught.value.message
    assert caught.value.mend is not None
    assert "a.py::square" in caught.value.mend


def test_a_module_that_does_not_load_keeps_the_others(folder):
    (folder / "a.py").write_text(SQUARE + "\nraise RuntimeError('no')\n")
    report = check_targets([Target(folder)], CheckOptions(settings=PLAIN))
    assert [error.code for error in report.errors] == ["GC501"]
    assert [layer.status for layer in report.layers] == [Status.PASS]
    assert not report.passed


def test_right_and_wrong_in_one_run(folder):
    report = check_targets([Target(folder)], CheckOptions(InputOptions(seed=3), PLAIN))
    assert [layer.status for layer in report.layers] == [Status.PASS, Status.FAIL, Status.PASS]
    assert report.layers[1].findings[0].code == "GC208"
    assert report.layers[1].reproduce.endswith("a.py::cube --seed 3")


def test_fail_fast_stops_at_the_first(folder):
    report = check_targets([Target(folder)], CheckOptions(settings=PLAIN, fail_fast=True))
    assert [layer.name for layer in report.layers] == ["square", "cube"]


def test_an_internal_error_costs_only_its_own_layer(folder, monkeypatch):
    from gradcheck_cli.checking import case as stage

    real = stage.judge_draw

    def broken(case, *args, **kwargs):
        if case.layer.name == "square":
            raise ZeroDivisionError("ours")
        return real(case, *args, **kwargs)

    monkeypatch.setattr(stage, "judge_draw", broken)
    report = check_targets([Target(folder)], CheckOptions(settings=PLAIN))
    assert [layer.status for layer in report.layers] == [Status.ERROR, Status.FAIL, Status.PASS]
    assert report.layers[0].findings[0].code == "GC500"
    assert "says nothing about the layer" in report.layers[0].findings[0].message


def test_the_same_seed_gives_the_same_numbers(folder):
    reports = [
        check_targets([Target(folder / "a.py")], CheckOptions(InputOptions(seed=seed), PLAIN)) for seed in (5, 5, 6)
    ]
    worst = [report.layers[1].arguments[0].worst[0] for report in reports]
    assert worst[0] == worst[1]
    assert worst[0] != worst[2]


def test_a_shape_for_an_argument_that_no_layer_has_is_refused(folder):
    inputs = InputOptions(shapes={"xs": ("N", "D")})
    with pytest.raises(UserError, match="no layer has an argument `xs`") as caught:
        check_targets([Target(folder)], CheckOptions(inputs))
    assert caught.value.mend == "did you mean `--shape x=...`?"
    assert check_targets([Target(folder / "a.py", "square")], CheckOptions(InputOptions(shapes={"x": (2, 3)}))).passed
