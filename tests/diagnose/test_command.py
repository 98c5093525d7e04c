"""The real command: blame comes through the worker, and is read by the formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import gradcheck

from .blocks import IDENTITY, RESNEXT, Block


@pytest.mark.parametrize(("block", "term"), [(IDENTITY, "shortcut"), (RESNEXT, "third")], ids=["identity", "resnext"])
def test_json_has_the_place(block: Block, term: str, tmp_path: Path) -> None:
    source = block.source("np", term)
    use = block.use(source, term)
    path = tmp_path / "block.py"
    path.write_text(source)
    ended = gradcheck("run", str(path), "--format", "json")
    assert ended.code == 1, ended.err
    (layer,) = ended.json["layers"]
    (finding,) = layer["findings"]
    assert finding["code"] == "GC209"
    assert Path(finding["blame"]["path"]).name == "block.py"
    assert finding["blame"]["line"] == use.line
    assert finding["blame"]["expression"] == use.expression
    assert "assert" in layer["script"]
