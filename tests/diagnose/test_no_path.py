"""Wrong backwards in which no path is wrong: nothing is blamed."""

from __future__ import annotations

from pathlib import Path

import pytest

from .blocks import IDENTITY, PROJECTION, RESNEXT
from .test_blocks import checked

SHORTCUT = "⟨branch: da @ W1.T⟩ + ⟨shortcut: dout⟩"
BRANCH = "dx = ⟨shortcut: dout @ Ws.T⟩ + ⟨branch: da @ W1.T⟩"

WRONG = {
    "noise": "da @ W1.T + dout + 0.1 * np.sin(9.0 * x)",
    "mixed rows": "da @ W1.T + dout[::-1]",
    "another mask": "((dout @ W2.T) * (h > 0.3)) @ W1.T + dout",
    "a local gradient left out": "(dout @ W2.T) @ W1.T + dout",
    "the gradient squared": "da @ W1.T * x + dout",
    "all doubled": "2 * (da @ W1.T + dout)",
    "the sign of all": "-(da @ W1.T + dout)",
    "half of it all": "0.5 * (da @ W1.T + dout)",
    "a factor from the data": "da @ W1.T + dout * x[0, 0]",
    "a factor from a size": "da @ W1.T + dout / len(x)",
}
"""By what is wrong, the expression for `dx`."""

GATES = ("another mask", "a local gradient left out")
"""Those of them in which a gate is wrong, and no path."""


@pytest.mark.parametrize("library", ["np", "jnp"])
@pytest.mark.parametrize("what", WRONG)
def test_nothing_is_blamed(what: str, library: str, tmp_path: Path) -> None:
    text = WRONG[what].replace("np.", f"{library}.")
    source = IDENTITY.source(library).replace("(da @ W1.T) + (dout)", text)
    assert text in source
    layer = checked(tmp_path, source)
    if what in GATES:
        assert {finding.code for finding in layer.findings} == {"GC212"}
        assert all(finding.blame is not None and finding.blame.factor is None for finding in layer.findings)
        return
    assert {finding.code for finding in layer.findings} & {"GC201", "GC304"}
    assert all(finding.blame is None for finding in layer.findings)


def test_all_gradients_doubled_are_no_path(tmp_path: Path) -> None:
    source = PROJECTION.source("np").replace("= cache\n", "= cache\n    dout = 2 * dout\n")
    layer = checked(tmp_path, source)
    assert {finding.code for finding in layer.findings} == {"GC201"}
    assert len(layer.findings) == 5


def test_one_parameters_gradient_with_a_factor_is_no_path(tmp_path: Path) -> None:
    source = PROJECTION.source("np").replace("dW2 = h.T @ dout", "dW2 = -(h.T @ dout)")
    (finding,) = checked(tmp_path, source).findings
    assert (finding.code, finding.blame) == ("GC201", None)


def test_a_transposed_gradient_beside_a_dropped_path_is_not_blamed(tmp_path: Path) -> None:
    source = RESNEXT.source("np", "first").replace("dV1, dV2, dV3 = h1.T @ dout", "dV1, dV2, dV3 = -h1[::-1].T @ dout")
    layer = checked(tmp_path, source)
    assert {finding.code for finding in layer.findings} == {"GC201"}
