"""`--device gpu` where there is no GPU: one clear sentence, exit code 2, and a valid document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.cli.command import ROOT, gradcheck

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())

HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}
"""No GPU, whatever the machine has."""

LAYER = """
import numpy as np
def square_forward(x):
    '''x: of shape (N, D)'''
    return x**2, x
def square_backward(dout, x):
    return 2 * x * dout
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mylayer.py").write_text(LAYER)
    return tmp_path


def test_the_error_says_what_to_do(folder: Path) -> None:
    ended = gradcheck("run", "mylayer.py", "--device", "gpu", cwd=folder, env=HIDDEN)
    assert ended.code == 2
    assert ended.out == ""
    assert "no gpu device" in ended.err
    assert "--device" in ended.err.split("mend", 1)[1]


def test_the_error_as_json(folder: Path) -> None:
    ended = gradcheck("run", "mylayer.py", "--device", "gpu", "--format", "json", cwd=folder, env=HIDDEN)
    assert ended.code == 2
    assert list(Draft202012Validator(SCHEMA).iter_errors(ended.json)) == []
    assert (ended.json["device"], ended.json["layers"], ended.json["summary"]["error"]) == ("gpu", [], 1)
    (error,) = ended.json["errors"]
    assert "no gpu device" in error["message"]
    assert error["mend"]


def test_the_cpu_is_used_unless_asked_otherwise(folder: Path) -> None:
    ended = gradcheck("run", "mylayer.py", "--format", "json", cwd=folder, env=HIDDEN)
    assert (ended.code, ended.json["device"]) == (0, "cpu")
