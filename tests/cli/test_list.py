from __future__ import annotations

from pathlib import Path

from tests.cli.command import gradcheck
from tests.cli.test_bad_input import RIGHT

UNDOCUMENTED = """
def scale_forward(x, w):
    return x * w, (x, w)


def scale_backward(dout, cache):
    x, w = cache
    return dout * w, dout * x
"""


def test_layers_with_their_shapes_and_where_those_came_from(tmp_path: Path) -> None:
    (tmp_path / "mylayer.py").write_text(RIGHT)
    ended = gradcheck("list", "mylayer.py", cwd=tmp_path)
    assert ended.code == 0
    lines = [line.split() for line in ended.out.strip().split("\n")]
    assert lines[0] == ["affine", "·", "function", "pair", "·", "mylayer.py:9"]
    assert lines[1] == ["x", "input", "float", "(N,", "D)", "docstring"]
    assert lines[2] == ["w", "input", "float", "(D,", "M)", "docstring"]
    assert lines[-1] == ["1", "layer", "found"]


def test_json(tmp_path: Path) -> None:
    (tmp_path / "mylayer.py").write_text(RIGHT)
    (layer,) = gradcheck("list", "mylayer.py", "--format", "json", "--shape", "w=D,K", cwd=tmp_path).json["layers"]
    assert (layer["name"], layer["convention"], layer["line"]) == ("affine", "function pair", 9)
    assert layer["arguments"] == [
        {"name": "x", "role": "input", "kind": "float", "shape": "(N, D)", "source": "docstring"},
        {"name": "w", "role": "input", "kind": "float", "shape": "(D, K)", "source": "--shape"},
    ]


def test_an_inference_is_said(tmp_path: Path) -> None:
    (tmp_path / "mylayer.py").write_text(UNDOCUMENTED)
    (layer,) = gradcheck("list", "mylayer.py", "--format", "json", cwd=tmp_path).json["layers"]
    assert {argument["source"] for argument in layer["arguments"]} == {"inferred"}
    assert any("inferred" in note for note in layer["notes"])


def test_every_correct_fixture_is_listed_whole_at_any_width() -> None:
    for width, where in (("60", "fixtures/correct"), ("100", "fixtures/correct/attention.py")):
        ended = gradcheck("list", where, env={"COLUMNS": width})
        assert ended.code == 0, ended.out
        lines = ended.out.split("\n")
        assert max(map(len, lines)) <= int(width)
        # a cell that had to be folded letter by letter leaves a line of one letter
        assert [line for line in lines if len(line.strip()) == 1] == []


def test_a_module_that_does_not_load_is_said_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "mylayer.py").write_text(RIGHT)
    (tmp_path / "broken.py").write_text("def f_backward(:\n")
    ended = gradcheck("list", "mylayer.py", "broken.py", "--format", "json", cwd=tmp_path)
    assert ended.code == 2
    assert [layer["name"] for layer in ended.json["layers"]] == ["affine"]
    assert [error["code"] for error in ended.json["errors"]] == ["GC501"]


def test_what_is_not_there(tmp_path: Path) -> None:
    ended = gradcheck("list", "nowhere.py", "--format", "json", cwd=tmp_path)
    assert ended.code == 2
    assert ended.json["errors"][0]["code"] == "usage"
    assert "nowhere.py" in ended.err
