"""A setting's words that both functions know are worth a draw each; what only one of them knows is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.inputs.choices import choices
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.loading import load
from gradcheck_cli.layers.options import InputOptions

POOL = """def pool_forward(x, mode="max"):
    if mode == "max":
        return x.max(axis=1), (x, mode)
    elif mode == "OTHER":
        return x.mean(axis=1), (x, mode)


def pool_backward(dout, cache, mode="max"):
    x, mode = cache
    if mode == "max":
        return dout[:, None] * (x == x.max(axis=1, keepdims=True))
    elif mode == "KNOWN":
        return dout[:, None] / x.shape[1] + 0 * x
"""


@pytest.mark.parametrize(
    ("other", "known", "found"),
    [
        ("average", "average", ("max", "average")),
        ("average", "min", None),
        ("test", "test", None),
        ("none", "none", None),
    ],
)
def test_words_that_both_compare_a_setting_with(
    tmp_path: Path, other: str, known: str, found: tuple[str, ...] | None
) -> None:
    source = POOL.replace("OTHER", other).replace("KNOWN", known)
    assert choices(source, (1, 8), ["x", "mode"]).get("mode") == found
    (tmp_path / "mylayer.py").write_text(source)
    module = load(tmp_path / "mylayer.py")
    (layer,) = find(module).layers
    specification = specify(layer, module, layer.bind(module.namespace), InputOptions())
    assert specification.shapes["mode"].values == (found or ("max",))
    assert any("forward and backward tell these apart" in note for note in specification.notes) is (found is not None)


def test_a_constructor_speaks_for_the_forward() -> None:
    source = """class Pool:
    def __init__(self, mode="max"):
        self.mode = mode
        self.function = max if mode == "max" else (min if mode == "min" else None)
    def forward(self, x):
        return self.function(x)
    def backward(self, dout):
        return dout if self.mode == "max" else -dout if self.mode == "min" else None
"""
    assert choices(source, (5, 7), ["mode"]) == {"mode": ("max", "min")}
    assert choices(source.replace('self.mode == "min"', "self.mode"), (5, 7), ["mode"]) == {}
    assert choices("def broken(", (1, 1), ["mode"]) == {}


@pytest.mark.parametrize(
    ("flag", "value"),
    [("training=False", True), ("save_cache=False", True), ("use_cache=False", False), ("training=None", None)],
)
def test_a_forward_is_told_that_a_backward_follows(tmp_path: Path, flag: str, value: bool | None) -> None:
    source = f"def twice_forward(x, {flag}):\n    return 2 * x\n\ndef twice_backward(dout):\n    return 2 * dout\n"
    (tmp_path / "mylayer.py").write_text(source)
    module = load(tmp_path / "mylayer.py")
    (layer,) = find(module).layers
    specification = specify(layer, module, layer.bind(module.namespace), InputOptions())
    assert specification.shapes[flag.partition("=")[0]].values == (value,)
    assert any("= True (usual value)" in note for note in specification.notes) is (value is True)
