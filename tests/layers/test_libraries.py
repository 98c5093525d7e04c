"""What a module replaces in a library is put back; what it adds stays."""

from __future__ import annotations

import math
import sys
import types
from pathlib import Path

import numpy as np

from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.libraries import Libraries
from gradcheck_cli.layers.loading import load


def test_what_was_replaced_or_deleted_is_put_back_and_named() -> None:
    before = Libraries.now()
    kept, numpy = np.sum, sys.modules["numpy"]
    np.sum = np.max = None  # type: ignore[assignment]
    del math.floor
    sys.modules["numpy"] = types.ModuleType("numpy")
    assert set(before.put_back()) == {"numpy.sum", "numpy.max", "math.floor", "numpy"}
    assert np.sum is kept
    assert math.floor(1.5) == 1
    assert sys.modules["numpy"] is numpy
    assert before.put_back() == ()


def test_what_a_module_adds_stays_and_what_it_replaces_is_noted(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("import numpy as np\nnp.old_float = float\nnp.prod = None\n")
    try:
        module = load(tmp_path / "old.py")
        assert module.replaced == ("numpy.prod",)
        assert np.prod([2, 3]) == 6
        assert np.old_float is float  # type: ignore[attr-defined]
        assert any("replaces `numpy.prod`" in note for note in find(module).notes)
    finally:
        vars(np).pop("old_float", None)


def test_a_module_that_raises_leaves_nothing_replaced(tmp_path: Path) -> None:
    (tmp_path / "raises.py").write_text("import numpy\nnumpy.cumsum = None\nraise ValueError\n")
    try:
        load(tmp_path / "raises.py")
    except Exception as error:
        assert "ValueError" in str(error)
    assert np.cumsum([1, 2])[-1] == 3
