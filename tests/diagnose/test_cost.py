"""What the diagnosis spends: a program for each size of the arrays, and nothing on what would take minutes."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from gradcheck_cli.diagnose.blame import Blaming
from gradcheck_cli.diagnose.gates import reverse
from gradcheck_cli.graph.steps import Steps, steps_of
from gradcheck_cli.report.model import Status
from gradcheck_cli.witnesses.reference import compiling
from tests.witnesses.cases import make_case
from tests.witnesses.traces import make_trace

from .test_blocks import checked, only_finding

WRONG_SLOPE = '''import numpy as np


def squash_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    """
    out = np.tanh(x @ w)
    return out, (x, w, out)


def squash_backward(dout, cache):
    x, w, out = cache
    da = dout * (1 - out)
    return da @ w.T, x.T @ da
'''


def calls(name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one for each call of this method of a reverse pass."""
    made: list[str] = []
    method = getattr(reverse.Reverse, name)

    def counted(*given: Any, **named: Any) -> Any:
        made.append(name)
        return method(*given, **named)

    monkeypatch.setattr(reverse.Reverse, name, counted)
    return made


@pytest.mark.parametrize(("wrong", "times"), [("1 - out", 0), ("x.sum() - out", 1)])
def test_two_paths_are_looked_for_where_no_gate_explains_it(
    wrong: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Blaming] = []
    monkeypatch.setattr(Blaming, "pairs", lambda blaming: asked.append(blaming) or ())
    checked(tmp_path, WRONG_SLOPE.replace("1 - out", wrong))
    assert len(asked) == times


def test_paths_and_gates_have_one_program_for_each_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_programs", OrderedDict())
    made, traced = calls("__init__", monkeypatch), calls("_run", monkeypatch)
    assert only_finding(checked(tmp_path, WRONG_SLOPE)).code == "GC208"
    assert len(made) == 3  # paths in one case, gates in two
    assert len(traced) == 2


def test_a_forward_that_takes_too_long_is_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse, "MOST_WORK", 1)
    layer = checked(tmp_path, WRONG_SLOPE)
    assert layer.status is Status.FAIL
    assert {finding.code for finding in layer.findings} == {"GC201"}


@pytest.mark.parametrize("factor", [2.0, 3.0])
def test_steps_have_one_key_where_they_compute_the_same(factor: float) -> None:
    def steps(by: float) -> Steps:
        case = make_case({"x": np.ones((2, 3))})
        return steps_of(make_trace(lambda x: jax.numpy.sin(x) * by, case))

    assert (steps(2.0).key == steps(factor).key) is (factor == 2.0)
