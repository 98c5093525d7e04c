"""Checking plain functions at inputs of a test's own, with autodiff and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradcheck_cli import check
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.report.model import LayerReport
from gradcheck_cli.tracing.trace import Untraceable

Checked = Callable[..., LayerReport]


def checking(traced: bool, monkeypatch: pytest.MonkeyPatch, dtype: Any = np.float64) -> Checked:
    """`(forward, backward, **inputs) -> report`, one draw, of inputs of this dtype; no cause is looked for."""
    if not traced:
        monkeypatch.setattr(Traces, "trace", lambda *_: Untraceable("not for this test"))

    def checked(forward: Any, backward: Any, *, expect: str = "", **inputs: Any) -> LayerReport:
        arrays = {name: np.asarray(value, dtype) for name, value in inputs.items()}
        told = {"expect": expect, "dtype": np.dtype(dtype).name}
        report = check(forward, backward, arrays, draws=1, shrink=False, diagnose=False, **told)
        return report.layers[0]

    return checked


def said(layer: LayerReport) -> str:
    """All that the report on a layer says in words."""
    whys = [argument.why for argument in layer.arguments]
    return "\n".join([str(layer.status), *(finding.message for finding in layer.findings), *whys, *layer.notes])


def values_said(layer: LayerReport) -> list[str]:
    """The messages of findings about values."""
    return [finding.message for finding in layer.findings if finding.code == "GC201"]
