"""The whole line on layers that nobody here wrote: the verdicts are those that docs/real-layers.md explains.

What is right and what is wrong was found without gradcheck (tests/fixtures/test_third_party_modules.py, which skips
this module too where thinc or optax is not installed). Of the rules
in jax_nn a dozen are run, those that compile quickly; all of them take one to two minutes.
"""

from __future__ import annotations

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status
from tests.fixtures.test_third_party_modules import RAISES, ROUGH, THIRD_PARTY, WRONG_FORWARD, WRONG_GRADIENT
from tests.thorough import THOROUGH, each

EVERY_JAX = (
    "relu",
    "relu6",
    "log1mexp",
    "softmax",
    *(("frexp",) if THOROUGH else ()),
    "sinc_maclaurin",
    "logit",
    "xlogy",
    "xlogx",
    "slogdet_qr",
    "pinv",
    "log_ndtr_tail",
)

JAX = each(2, EVERY_JAX)

PASSING_THOUGH_ROUGH = {"thinc.gelu_float32"}
"""What is off by less than the rounding of its own dtype."""

BY_DESIGN = {"optax.scale_gradient"}
"""No derivative on purpose, and declared so (`expect="custom"`)."""

BREAKS_A_CONTRACT = {
    "thinc.embed": "GC302",
    "thinc.embed_dropout": "GC302",
    "thinc.hash_embed": "GC302",
    "thinc.lstm_gates": "GC302",
    "thinc.mish": "GC201",
    "thinc.mish_float32": "GC201",
    "thinc.relu_float32": "GC201",
}
"""Right gradients, from a backward that writes into its upstream gradient (GC302), or that is right for contiguous
upstream gradients only: compiled code that reads a Fortran-ordered one as if it were C-ordered (GC201)."""

CODES = {
    **BREAKS_A_CONTRACT,
    "thinc.dish": "GC502",
    "thinc.multi_softmax": "GC307",
    "thinc.lstm_plain": "GC307",
}


LAYERS: dict[str, tuple[str, tuple[str, ...], int]] = {
    "thinc": ("thinc_layers", (), 54),
    "optax": ("optax_rules", (), 4),
    "jax": ("jax_nn", JAX, len(JAX)),
}
"""By library: its module, the layers that are run (all where none is named), and how many there are at least."""

WITHOUT_AUTODIFF = {"jax.slogdet_qr", "thinc.categorical_crossentropy_as_returned"}
"""Whose forward cannot be traced, so that differences alone decide."""


def said(layer: LayerReport) -> str:
    return f"{layer.status}: " + "; ".join(f"{finding.code} {finding.message}" for finding in layer.findings)


@pytest.mark.parametrize("library", LAYERS if THOROUGH else ["jax"])
def test_each_right_layer_passes_and_no_other(library: str) -> None:
    """In one run of each library: verdicts, codes, and the witnesses that there were."""
    module, names, least = LAYERS[library]
    path = THIRD_PARTY / f"{module}.py"
    targets = [Target(path, name) for name in names] or [Target(path)]
    report = check_targets(
        targets, CheckOptions(InputOptions(draws=3 if THOROUGH else 1), Settings(shrink=False, diagnose=False))
    )
    assert not report.errors
    found = {f"{library}.{layer.name}": layer for layer in report.layers}
    assert len(found) >= least

    rough = ROUGH.keys() - PASSING_THOUGH_ROUGH
    wrong = (RAISES | WRONG_FORWARD | WRONG_GRADIENT | rough | BREAKS_A_CONTRACT.keys()) - BY_DESIGN
    surprising = {
        name: said(layer) for name, layer in found.items() if (layer.status is Status.PASS) is (name in wrong)
    }
    assert surprising == {}
    undecided = {
        name: said(layer)
        for name, layer in found.items()
        if layer.status is Status.INCONCLUSIVE or (layer.status is Status.ERROR and name not in RAISES)
    }
    assert undecided == {}
    codes = {name: {finding.code for finding in found[name].findings} for name in CODES if name in found}
    assert {name: CODES[name] for name, given in codes.items() if CODES[name] not in given} == {}
    assert {name for name, layer in found.items() if "autodiff" not in layer.witnesses} >= (
        WITHOUT_AUTODIFF & found.keys()
    )
    assert all("finite differences" in found[name].witnesses for name in WITHOUT_AUTODIFF & found.keys())
    if library == "thinc":
        compiled_for_float32_is_judged_by_its_reference(found["thinc.lstm"])


def compiled_for_float32_is_judged_by_its_reference(layer: LayerReport) -> None:
    assert {argument.name for argument in layer.arguments if argument.status is Status.FAIL} == {"X", "parameters"}
    assert all(element.error_bar is None or element.error_bar < 1.0 for a in layer.arguments for element in a.worst)


def test_every_expectation_is_of_a_library_that_is_run() -> None:
    expected = RAISES | WRONG_FORWARD | WRONG_GRADIENT | ROUGH.keys() | CODES.keys() | WITHOUT_AUTODIFF
    assert {name.partition(".")[0] for name in expected} <= LAYERS.keys()
