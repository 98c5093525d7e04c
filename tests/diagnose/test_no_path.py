"""Wrong backwards in which no path is wrong: no line is blamed."""

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
    "a factor from the draw": "da @ W1.T + dout * (1 + np.abs(x).sum() / 100)",
    "one row only": "da @ W1.T + dout * (np.arange(len(x)) > 0)[:, None]",
    "another path's weights": "da @ W1.T + dout @ W1 @ W1.T",
    "a path that is none": "da @ W1.T + dout - dout.mean(axis=0)",
}
"""By what is wrong, the expression for `dx`."""

GATES = ("another mask", "a local gradient left out")
"""Those of them in which a gate is wrong, and no path."""

OTHERS = {"all doubled": "GC202", "the sign of all": "GC203", "half of it all": "GC202", "one row only": "GC211"}
"""What has another cause; the rest stay a mismatch."""


@pytest.mark.parametrize(
    ("what", "library"), [*((what, "np") for what in WRONG), *((what, "jnp") for what in list(WRONG)[::4])]
)
def test_nothing_is_blamed(what: str, library: str, tmp_path: Path) -> None:
    text = WRONG[what].replace("np.", f"{library}.")
    source = IDENTITY.source(library).replace("(da @ W1.T) + (dout)", text)
    assert text in source
    layer = checked(tmp_path, source)
    if what in GATES:
        assert {finding.code for finding in layer.findings} == {"GC212"}
        assert all(finding.blame is not None and finding.blame.factor is None for finding in layer.findings)
        return
    assert {finding.code for finding in layer.findings} & {OTHERS.get(what, "GC201"), "GC304"}
    assert all(finding.blame is None for finding in layer.findings)


def test_all_gradients_doubled_are_no_path(tmp_path: Path) -> None:
    source = PROJECTION.source("np").replace("= cache\n", "= cache\n    dout = 2 * dout\n")
    layer = checked(tmp_path, source)
    (finding,) = layer.findings
    assert (finding.code, finding.blame) == ("GC202", None)


def test_one_parameters_gradient_with_a_factor_is_no_path(tmp_path: Path) -> None:
    source = PROJECTION.source("np").replace("dW2 = h.T @ dout", "dW2 = -(h.T @ dout)")
    (finding,) = checked(tmp_path, source).findings
    assert (finding.code, finding.blame) == ("GC203", None)


def test_a_dropped_path_is_named_beside_another_parameters_gradient(tmp_path: Path) -> None:
    source = RESNEXT.source("np", "first").replace("dV1, dV2, dV3 = h1.T @ dout", "dV1, dV2, dV3 = h2.T @ dout")
    layer = checked(tmp_path, source)
    assert {finding.argument: finding.code for finding in layer.findings} == {"x": "GC209", "V1": "GC208"}
    (blame,) = [finding.blame for finding in layer.findings if finding.argument == "x"]
    assert blame is not None
    assert (blame.operand, blame.expression, blame.factor) == ("x", "x @ U1", -1.0)
