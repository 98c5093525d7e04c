"""Forward mode in narrow dtypes: what underflows is no mistake of the rule's."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status

RULE = '''
import jax
import jax.numpy as jnp


@jax.custom_jvp
def cubed_norm(x):
    """x: shape (N, D)"""
    return jnp.sum(x * x) ** 1.5


@cubed_norm.defjvp
def cubed_norm_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    return cubed_norm(x), 3 * jnp.sqrt(jnp.sum(x * x)) * jnp.sum({tangent})
'''


def report(folder: Path, tangent: str, magnitude: float) -> LayerReport:
    path = folder / "rule.py"
    path.write_text(RULE.format(tangent=tangent))
    inputs = InputOptions(dtype="float16", magnitude=magnitude, draws=1)
    return check_targets([Target(path)], CheckOptions(inputs, Settings(shrink=False, diagnose=False))).layers[0]


@pytest.mark.parametrize("magnitude", [1e-3, 1e-2, 1.0, 30.0])
def test_a_right_rule_is_not_wrong_where_float16_underflows_or_overflows(tmp_path: Path, magnitude: float) -> None:
    layer = report(tmp_path, "x * t", magnitude)
    assert not layer.findings, layer.findings


def test_a_tangent_that_is_not_linear_is_found_in_float16_too(tmp_path: Path) -> None:
    layer = report(tmp_path, "x * jnp.abs(t)", 1.0)
    assert layer.status is Status.FAIL
