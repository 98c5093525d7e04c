"""A command that is forked, with its workers, reports what one reports that is started as users start it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.command import gradcheck

LAYERS = '''
import numpy as np


def square_forward(x):
    """x: (N, D)"""
    return x * x, x


def square_backward(dout, x):
    return x * dout


def noisy_forward(x):
    """x: (N, D)"""
    print("here")
    return x * np.random.rand(), x


def noisy_backward(dout, x):
    raise ValueError("not today")
'''


def told(value: Any) -> Any:
    """All but the times."""
    if isinstance(value, dict):
        return {name: told(part) for name, part in value.items() if name != "seconds"}
    return [told(part) for part in value] if isinstance(value, list) else value


def test_forked_and_fresh_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "mylayer.py").write_text(LAYERS)
    arguments = ("run", "mylayer.py", "--format", "json", "-n", "2")
    forked, fresh = (gradcheck(*arguments, cwd=tmp_path, fresh=fresh) for fresh in (False, True))
    assert (forked.code, forked.err) == (fresh.code, fresh.err)
    assert told(forked.json) == told(fresh.json)
    assert {layer["status"] for layer in fresh.json["layers"]} == {"fail", "error"}
