"""`gradcheck train`, started as its users start it: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import math
from importlib.util import find_spec

import numpy as np
import pytest

from tests.checking.training.modules import MLP, with_bug
from tests.cli.command import ROOT, gradcheck
from tests.cli.test_imports import HEAVY, imported

NETWORKS = ROOT / "fixtures" / "networks"
LECTURE = f"{NETWORKS / 'training.py'}::lecture"


def lecture(steps: int, rate: float) -> list[list[float]]:
    """w at each step of w - lr * ∂e/∂w for e = (y - w·x)², written down by hand."""
    w, x, y = [0.5, -1.0, 2.0], [1.0, 2.0, -0.5], 0.25
    seen = [w]
    for _ in range(steps):
        error = y - sum(a * b for a, b in zip(w, x))
        w = [a - rate * (-2 * error * b) for a, b in zip(w, x)]
        seen.append(w)
    return seen


@pytest.mark.parametrize("steps", [1, 4])
def test_worked_example_5_the_training_step(steps):
    done = gradcheck("train", LECTURE, "--steps", str(steps), "--lr", "0.05", "--no-overfit", "--format", "json")
    assert done.code == 0, done.err
    (w,) = done.json["parameters"]
    expected = lecture(steps, 0.05)
    assert w["start"] == expected[0]
    assert w["yours"] == pytest.approx(expected[-1], rel=1e-14)
    assert w["autodiff"] == pytest.approx(expected[-1], rel=1e-14)
    x, y = [1.0, 2.0, -0.5], 0.25
    losses = [(y - sum(a * b for a, b in zip(w, x))) ** 2 for w in expected]
    assert done.json["losses"]["yours"] == pytest.approx(losses, rel=1e-12)
    assert done.json["losses"]["autodiff"] == pytest.approx(losses, rel=1e-12)
    gradient = 2 * math.sqrt(losses[0]) * math.sqrt(1 + 4 + 0.25)
    assert done.json["layers"][0]["yours"][0] == pytest.approx(gradient, rel=1e-14)


def test_runs_that_agree_end_with_0(tmp_path):
    path = tmp_path / "nn.py"
    path.write_text(MLP)
    done = gradcheck("train", f"{path}::net", "--steps", "20")
    assert done.code == 0, done.err
    assert done.err == ""
    lines = [line.strip() for line in done.out.splitlines() if line.strip()]
    assert lines[0].startswith("net · ")
    assert "20 steps · lr 0.1 · 24 examples · seed 0" in " ".join(done.out.split())
    assert "✓ the runs agree over 20 steps" in lines[-1]
    assert any("yours yes, after" in line for line in lines)


def test_runs_that_part_end_with_1_and_name_the_layer(tmp_path):
    path = tmp_path / "nn.py"
    path.write_text(with_bug(MLP, "x.T @ dout, dout", "-x.T @ dout, dout"))
    done = gradcheck("train", f"{path}::net", "--steps", "5", "--no-overfit", env={"PYTHONIOENCODING": "ascii"})
    assert done.code == 1, done.err
    assert done.out.isascii()
    text = " ".join(done.out.split())
    assert "x the runs part after step 1, at `affine_2.w`" in text
    assert "`affine_2` is the first layer on the way back that is wrong" in text
    assert "^ they part after step 1" in text
    assert "by heart" not in text


def test_documents(tmp_path):
    path = tmp_path / "nn.py"
    path.write_text(with_bug(MLP, "dout * (x > 0)", "dout"))
    for name, start in (("t.json", "{"), ("t.html", "<!DOCTYPE html>"), ("t.svg", "<?xml"), ("t.txt", "\n net")):
        file = tmp_path / name
        done = gradcheck("train", f"{path}::net", "--steps", "3", "--no-overfit", "--output", str(file))
        assert (done.code, done.out) == (1, "")
        assert file.read_text().startswith(start)
    document = json.loads((tmp_path / "t.json").read_text())
    assert (document["kind"], document["status"], document["steps"]) == ("training", "fail", 3)
    assert document["cause"]["layer"] == "relu"


@pytest.mark.parametrize(
    ("arguments", "what", "mend"),
    [
        (("nn.py",), "does not say which network", "::NETWORK"),
        (("nn.py::nothing",), "has no function `nothing`", "net"),
        (("nn.py::relu",), "is no network", "Sequential"),
        (("nn.py::net", "--steps", "0"), "`--steps` is 0", "--steps 1"),
        (("nn.py::net", "--lr", "-1"), "`--lr` is -1.0", "--lr"),
        (("nn.py::net", "--batch", "1000"), "more than the 24 examples", "--batch 24"),
        (("nn.py::net", "--update", "adagrad"), "no update function `adagrad`", "leave"),
        (("nn.py::net", "--data", "missing.npz"), "there is no file", "np.savez"),
        (("nn.py::net", "--arg", "affine_3.w=1"), "no layer has an argument", "affine_"),
        (("nn.py::net", "--format", "png"), "`--format`", "table"),
    ],
)
def test_what_cannot_be_meant_is_told_with_a_mend(tmp_path, arguments, what, mend):
    (tmp_path / "nn.py").write_text(MLP)
    done = gradcheck("train", *arguments, cwd=tmp_path)
    assert done.code == 2
    assert what in done.err
    assert mend in done.err
    assert done.out == ""


def test_a_network_without_a_loss(tmp_path):
    (tmp_path / "nn.py").write_text(MLP.replace("affine_forward, softmax_loss]", "affine_forward]"))
    done = gradcheck("train", "nn.py::net", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    # the data function's `y` has nowhere to go, or the loss is missed: either way the mend is said
    assert "mend" in done.err


def test_data_from_a_file(tmp_path):
    (tmp_path / "nn.py").write_text(MLP)
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=rng.standard_normal((12, 6)), y=rng.integers(0, 3, 12))
    done = gradcheck("train", "nn.py::net", "--data", "d.npz", "--steps", "2", "--no-overfit", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "12 examples" in done.out


def test_a_module_that_prints_does_not_get_into_the_report(tmp_path):
    (tmp_path / "nn.py").write_text(
        "print('loud')\n" + with_bug(MLP, "return x @ w + b", "print('louder'); return x @ w + b")
    )
    done = gradcheck("train", "nn.py::net", "--steps", "2", "--no-overfit", "--format", "json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "loud" not in done.out.replace("the module printed", "")
    assert any("the module printed" in note for note in done.json["notes"])


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("import os; os._exit(3)", "os._exit(3)"),
        ("import time; time.sleep(60)", "limit of 3 s"),
        ("raise ValueError('no more')", "ValueError: no more"),
    ],
)
def test_a_module_that_crashes_hangs_or_raises_is_told(tmp_path, line, what):
    body = f"calls.append(1)\n    if len(calls) > 12:\n        {line}\n    return dout * (x > 0)"
    source = with_bug(MLP, "return dout * (x > 0)", body).replace(
        "def relu_backward", "calls = []\n\n\ndef relu_backward"
    )
    (tmp_path / "nn.py").write_text(source)
    done = gradcheck("train", "nn.py::net", "--steps", "50", "--no-overfit", "--timeout", "3", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert what in done.err
    assert "nn.py:" in done.err


def test_help_imports_no_engine():
    modules = imported("-m", "gradcheck_cli", "train", "--help")
    assert "gradcheck_cli.cli.train" in modules
    assert modules & HEAVY == set()


@pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")
def test_the_digits():
    done = gradcheck(
        "train", f"{NETWORKS / 'digits.py'}::net", "--steps", "40", "--lr", "0.5", "--batch", "128", "--no-overfit",
        "--format", "json", seconds=300,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.json["examples"] == 1797
    losses = done.json["losses"]["yours"]
    assert losses[0] > 2
    assert min(losses) < 0.7


def test_the_digits_without_scikit_learn_say_what_to_install(tmp_path):
    (tmp_path / "digits.py").write_text(
        "import sys\nsys.modules['sklearn'] = None\n" + (NETWORKS / "digits.py").read_text()
    )
    done = gradcheck("train", "digits.py::net", cwd=tmp_path)
    assert done.code == 2
    assert "pip install scikit-learn" in done.err
