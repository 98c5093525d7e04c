"""The whole line on layers that nobody here wrote: the verdicts are those that docs/real-layers.md explains.

What is right and what is wrong was found without gradcheck (tests/fixtures/test_third_party_modules.py, which skips
this module too where thinc or optax is not installed). Of the rules
in jax_nn a dozen are run, those that compile quickly; all of them take one to two minutes.
"""

from __future__ import annotations

from functools import cache

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.report.model import LayerReport, Status
from tests.fixtures.test_third_party_modules import RAISES, ROUGH, THIRD_PARTY, WRONG_FORWARD, WRONG_GRADIENT

JAX = (
    "relu",
    "relu6",
    "log1mexp",
    "softmax",
    "frexp",
    "sinc_maclaurin",
    "logit",
    "xlogy",
    "xlogx",
    "slogdet_qr",
    "pinv",
    "log_ndtr_tail",
)

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


def reports(library: str, module: str, names: tuple[str, ...] = ()) -> dict[str, LayerReport]:
    path = THIRD_PARTY / f"{module}.py"
    targets = [Target(path, name) for name in names] or [Target(path)]
    report = check_targets(targets, CheckOptions())
    assert not report.errors
    return {f"{library}.{layer.name}": layer for layer in report.layers}


@cache
def every_report() -> dict[str, LayerReport]:
    return {
        **reports("thinc", "thinc_layers"),
        **reports("optax", "optax_rules"),
        **reports("jax", "jax_nn", JAX),
    }


def said(layer: LayerReport) -> str:
    return f"{layer.status}: " + "; ".join(f"{finding.code} {finding.message}" for finding in layer.findings)


def test_each_right_layer_passes_and_no_other() -> None:
    rough = ROUGH.keys() - PASSING_THOUGH_ROUGH
    wrong = (RAISES | WRONG_FORWARD | WRONG_GRADIENT | rough | BREAKS_A_CONTRACT.keys()) - BY_DESIGN
    found = every_report()
    assert len(found) > 65
    surprising = {
        name: said(layer) for name, layer in found.items() if (layer.status is Status.PASS) is (name in wrong)
    }
    assert surprising == {}


def test_nothing_is_left_undecided() -> None:
    undecided = {
        name: said(layer)
        for name, layer in every_report().items()
        if layer.status is Status.INCONCLUSIVE or (layer.status is Status.ERROR and name not in RAISES)
    }
    assert undecided == {}


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_what_is_wrong_beside_the_values_has_its_own_code(name: str, code: str) -> None:
    assert code in {finding.code for finding in every_report()[name].findings}


@pytest.mark.parametrize("name", ["jax.slogdet_qr", "thinc.categorical_crossentropy_as_returned"])
def test_differences_alone_decide_where_the_forward_cannot_be_traced(name: str) -> None:
    layer = every_report()[name]
    assert "autodiff" not in layer.witnesses
    assert "finite differences" in layer.witnesses


def test_compiled_code_that_knows_float32_only_is_judged_by_its_reference() -> None:
    layer = every_report()["thinc.lstm"]
    assert {argument.name for argument in layer.arguments if argument.status is Status.FAIL} == {"X", "parameters"}
    assert all(element.error_bar is None or element.error_bar < 1.0 for a in layer.arguments for element in a.worst)
