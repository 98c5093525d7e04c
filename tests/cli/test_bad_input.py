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
def test_json_and_table(tmp_path: Path, name: str) -> None:
    ended, code, rule = run(tmp_path, name, "--format", "json", "--output", "table.txt")
    document: Any = ended.json
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []
    if name != "output is not finite":  # how that is judged is the judge's to say, not this test's
        assert ended.code == code, ended.err
    found = {finding["code"] for layer in document["layers"] for finding in layer["findings"]}
    table = (tmp_path / "table.txt").read_text(encoding="utf-8")
    assert "hello" not in table
    if rule is not None:
        assert rule in found
        assert all(
            finding["path"].endswith("mylayer.py") for layer in document["layers"] for finding in layer["findings"]
        )
        assert rule in table
        assert "mylayer.py:" in table


@pytest.mark.parametrize("name", ["prints", "wrong", "binary", "latin-1", "exits at import", "forward raises"])
def test_the_table_where_it_is_shown(tmp_path: Path, name: str) -> None:
    ended, code, rule = run(tmp_path, name, "--draws", "1")
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


HELPLESS = """import numpy as np

np.seterr(all="raise")
CALLS = []


def softmax_forward(x):
    \"\"\"- x: of shape (N, D)\"\"\"
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True), e


def softmax_backward(dout, e):
    s = e / e.sum(axis=1, keepdims=True)
    return s * (dout - (dout * s).sum(axis=1, keepdims=True))


def every_other_forward(x):
    \"\"\"- x: of shape (N, D)\"\"\"
    return 2 * x, None


def every_other_backward(dout, cache):
    CALLS.append(1)
    if len(CALLS) % 2 == 0:
        raise RuntimeError("only once, please")
    return 2 * dout


def generated_forward(x, w):
    \"\"\"
    - x: of shape (N, D)
    - w: of shape (D,)
    \"\"\"
    return x * w, (x, w)


def generated_backward(dout, cache):
    x, w = cache
    return (gradient for gradient in (dout * w, (dout * x).sum(axis=0)))


def twice_the_same_forward(x, y):
    \"\"\"
    - x: of shape (N, D)
    - y: of shape (N, D)
    \"\"\"
    return x + y, None


def twice_the_same_backward(dout, cache):
    gradient = dout.copy()
    return gradient, gradient


def read_only_forward(x):
    \"\"\"- x: of shape (N, D)\"\"\"
    kept = np.tanh(x)
    kept.flags.writeable = False
    return np.array(kept), kept


def read_only_backward(dout, kept):
    return dout * (1 - kept**2)


def into_read_only_forward(x):
    \"\"\"- x: of shape (N, D)\"\"\"
    kept = np.tanh(x)
    kept.flags.writeable = False
    return np.array(kept), kept


def into_read_only_backward(dout, kept):
    kept *= kept
    return dout * (1 - kept)


def objects_forward(x):
    \"\"\"- x: of shape (N, D)\"\"\"
    return (x.astype(object) * 2).astype(float), None


def objects_backward(dout, cache):
    return dout.astype(object) * 2
"""

SAID = {
    "softmax": ("pass", []),
    "every_other": ("fail", ["GC305"]),
    "generated": ("fail", ["GC102", "GC105"]),
    "twice_the_same": ("pass", []),
    "read_only": ("pass", []),
    "into_read_only": ("error", ["GC502"]),
    "objects": ("fail", ["GC104"]),
}


def test_code_that_nobody_would_expect(tmp_path: Path) -> None:
    (tmp_path / "mylayer.py").write_text(HELPLESS)
    ended = gradcheck("run", "mylayer.py", "--no-shrink", "--format", "json", cwd=tmp_path)
    layers = {layer["name"]: layer for layer in ended.json["layers"]}
    said = {name: (layer["status"], [one["code"] for one in layer["findings"]]) for name, layer in layers.items()}
    assert said == SAID
    assert layers["generated"]["checked"] == ["inputs unchanged", "repeatable"]
    assert ended.code == 2


def test_inputs_at_which_the_forward_overflows_are_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mylayer.py").write_text(RIGHT)
    ended = gradcheck("run", "mylayer.py", "--magnitude", "1e300", "--format", "json", cwd=tmp_path)
    (layer,) = ended.json["layers"]
    assert (ended.code, layer["status"]) == (0, "inconclusive")
    assert all("the forward gives infinity at [0, 0] for these inputs" in one["why"] for one in layer["arguments"])
    assert not any("--max-evals" in note or "Autodiff" in note for note in layer["notes"])


AT_EXTREMES = """import sys
import numpy as np


def moody_forward(x):
    \"\"\"- x: of shape (N, D)\"\"\"
    if np.abs(x).max() > 50:
        HERE
    return np.tanh(x), x


def moody_backward(dout, x):
    return dout * (1 - np.tanh(x) ** 2)
"""


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("raise OverflowError('too large for me')", 0, "stress: the layer raises at"),
        ("sys.exit(3)", 0, "stress: the layer raises at"),
        ("print('HELP')", 0, "The checked modules printed"),
        ("np.clip(x, -50, 50, out=x)", 0, "1 passed"),
    ],
)
def test_what_a_layer_does_at_extremes_only(tmp_path: Path, what: str, code: int, said: str) -> None:
    (tmp_path / "mylayer.py").write_text(AT_EXTREMES.replace("HERE", what))
    ended = gradcheck("run", "mylayer.py", "--stress", cwd=tmp_path)
    assert (ended.code, "HELP" in ended.out) == (code, False), ended.err
    assert said in ended.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--order", "3"), "`--order` is 3, and must be at most 2"),
        (("--magnitude", "0"), "must be a finite number above 0"),
        (("--magnitude", "nan"), "must be a finite number above 0"),
        (("--dtype", "float8"), "must be one of float64"),
    ],
)
def test_options_that_cannot_be_meant(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    (tmp_path / "mylayer.py").write_text(RIGHT)
    ended = gradcheck("run", "mylayer.py", *options, cwd=tmp_path)
    assert ended.code == 2
    assert words in ended.err


def test_options_for_jax_are_a_note_on_a_layer_of_numpys(tmp_path: Path) -> None:
    (tmp_path / "mylayer.py").write_text(RIGHT)
    ended = gradcheck("run", "mylayer.py", "--order", "2", "--vmap", cwd=tmp_path)
    assert ended.code == 0
    assert ended.out.count("is for layers written for JAX") == 2


def test_inputs_without_elements_and_fifty_of_them(tmp_path: Path) -> None:
    names = [f"a{k}" for k in range(50)]
    shapes = "\n".join(f"    - {name}: of shape (N, D)" for name in names)
    many = f"""
from gradcheck_cli import layer
import numpy as np

def many_forward({", ".join(names)}):
    '''
{shapes}
    '''
    return {" + ".join(f"{k} * {name}" for k, name in enumerate(names))}, None

def many_backward(dout, cache):
    return {", ".join(f"{k} * dout" for k in range(50))}

def product(x, w):
    return x @ w, (x, w)

def of_product(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout

empty = layer(forward=product, backward=of_product, inputs={{"x": np.zeros((0, 3)), "w": np.ones((3, 2))}})
thin = layer(forward=product, backward=of_product, inputs={{"x": np.zeros((4, 0)), "w": np.ones((0, 2))}})
"""
    (tmp_path / "mylayer.py").write_text(many)
    ended = gradcheck("run", "mylayer.py", "--format", "json", cwd=tmp_path)
    assert ended.code == 0, ended.out
    assert {layer["name"]: layer["notes"] for layer in ended.json["layers"]} == {"many": [], "empty": [], "thin": []}


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
