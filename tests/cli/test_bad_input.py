"""Whatever a user points at: a message with place and mend, the right exit code, no traceback, valid JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cli.command import ROOT, Ended, gradcheck

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())

AFFINE = '''
def affine_forward(x, w):
    """- x: of shape (N, D)
    - w: of shape (D, M)
    """
    return x @ w, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, {dw}
'''
RIGHT = AFFINE.format(dw="x.T @ dout")
WRONG = AFFINE.format(dw="2 * (x.T @ dout)")
STUB = AFFINE.replace("return dout @ w.T, {dw}", "pass")
RAISING = AFFINE.replace("return x @ w, (x, w)", "raise ValueError('not today')")
NOT_FINITE = AFFINE.replace("return x @ w, (x, w)", "return x @ w / 0.0 * 0.0, (x, w)").format(dw="x.T @ dout")

SOURCES: dict[str, tuple[str | bytes, int, str | None]] = {
    "right": (RIGHT, 0, None),
    "wrong": (WRONG, 1, None),
    "syntax error": ("def relu_backward(:\n", 2, "GC501"),
    "syntax error in a layer": (RIGHT + "\ndef g(:\n", 2, "GC501"),
    "failing import": ("import nowhere_to_be_found\n" + RIGHT, 2, "GC501"),
    "raises at import": (RIGHT + "\n1 / 0\n", 2, "GC501"),
    "exits at import": ("import sys\n" + RIGHT + "\nsys.exit(0)\n", 2, "GC501"),
    "prints": (
        "print('{\"hello\": 1}')\n" + RIGHT.replace("    return x @ w", "    print(x)\n    return x @ w"),
        0,
        None,
    ),
    "stub": (STUB, 1, "GC103"),
    "forward raises": (RAISING, 2, "GC502"),
    "output is not finite": (NOT_FINITE, 1, None),
    "no layers": ("x = 1\n", 0, None),
    "empty": ("", 0, None),
    "binary": (b"\x00\x01\xff", 2, None),
    "latin-1": (RIGHT.encode() + "# café\n".encode("latin-1"), 2, "GC501"),
}


def run(folder: Path, name: str, *options: str) -> tuple[Ended, int, str | None]:
    source, code, rule = SOURCES[name]
    file = folder / "mylayer.py"
    file.write_bytes(source if isinstance(source, bytes) else source.encode())
    return gradcheck("run", "mylayer.py", *options, cwd=folder), code, rule


@pytest.mark.parametrize("name", SOURCES)
def test_json(tmp_path: Path, name: str) -> None:
    ended, code, rule = run(tmp_path, name, "--format", "json")
    document: Any = ended.json
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []
    if name != "output is not finite":  # how that is judged is the judge's to say, not this test's
        assert ended.code == code, ended.err
    found = {finding["code"] for layer in document["layers"] for finding in layer["findings"]}
    if rule is not None:
        assert rule in found
        assert all(
            finding["path"].endswith("mylayer.py") for layer in document["layers"] for finding in layer["findings"]
        )


@pytest.mark.parametrize("name", SOURCES)
def test_table(tmp_path: Path, name: str) -> None:
    ended, code, rule = run(tmp_path, name)
    if name != "output is not finite":
        assert ended.code == code, ended.out + ended.err
    assert "hello" not in ended.out
    if rule is not None:
        assert rule in ended.out
        assert "mylayer.py:" in ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mylayr.py",), "did you mean `mylayer.py`?"),
        (("mylayer.py::afine",), "affine"),
        (("nowhere/x.py",), "nowhere"),
    ],
)
def test_what_is_not_there(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "mylayer.py").write_text(RIGHT)
    ended = gradcheck("run", *arguments, "--format", "json", cwd=tmp_path)
    assert ended.code == 2
    assert words in ended.err
    (error,) = ended.json["errors"]
    assert error["code"] == "usage"
    assert words in f"{error['message']} {error['mend']}"


def test_a_folder_and_one_layer_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "one.py").write_text(RIGHT)
    (tmp_path / "layers" / "two.py").write_text(WRONG + RIGHT.replace("affine", "linear"))
    (tmp_path / "layers" / "three.py").write_text("raise SystemExit('nobody should import this')\n")
    layers = gradcheck("run", "layers", "--format", "json", cwd=tmp_path).json["layers"]
    assert {layer["name"]: layer["status"] for layer in layers[1:]} == {"affine": "fail", "linear": "pass"}
    one = gradcheck("run", "layers/two.py::linear", "--format", "json", cwd=tmp_path)
    assert (one.code, [layer["name"] for layer in one.json["layers"]]) == (0, ["linear"])


def test_no_layers_is_a_note(tmp_path: Path) -> None:
    ended, *_ = run(tmp_path, "no layers", "--format", "json")
    (note,) = ended.json["notes"]
    assert note.startswith("No layers in mylayer.py: ")
    assert "no layers found" in run(tmp_path, "no layers", "--quiet")[0].out


def test_no_layers_where_some_are_required(tmp_path: Path) -> None:
    ended, *_ = run(tmp_path, "no layers", "--require-layers", "--format", "json")
    assert ended.code == 2
    assert "no layers found" in ended.json["errors"][0]["message"]
