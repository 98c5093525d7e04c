"""None for a gradient is JAX's zero: fair for a constant such as `eps`, silent for what may be learnt."""

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

@jax.custom_vjp
def norm(x, {name}):
    """
    x: array of shape (N, D)
    {name}: {said}
    """
    return x / jnp.sqrt(x * x + {name})

def norm_fwd(x, {name}):
    return norm(x, {name}), (x, {name})

def norm_bwd(kept, g):
    x, {name} = kept
    return {name} * g * (x * x + {name}) ** -1.5, {gradient}

norm.defvjp(norm_fwd, norm_bwd)
'''


def checked(tmp_path: Path, name: str, said: str = "a small number", gradient: str = "None") -> LayerReport:
    path = tmp_path / "norms.py"
    path.write_text(RULE.format(name=name, said=said, gradient=gradient))
    options = CheckOptions(InputOptions(draws=1), Settings(shrink=False, diagnose=False))
    (layer,) = check_targets([Target(path)], options).layers
    return layer


def test_a_rule_may_leave_out_a_constant(tmp_path: Path) -> None:
    layer = checked(tmp_path, "eps")
    assert layer.status is Status.PASS
    assert any("`eps` is taken for a constant" in note for note in layer.notes)


@pytest.mark.parametrize(
    ("name", "said", "mend"),
    [("temperature", "positive scalar", "`nondiff_argnums`"), ("eps", "positive, of shape (D,)", "ignore[GC103]")],
)
def test_what_may_be_learnt_is_missing(tmp_path: Path, name: str, said: str, mend: str) -> None:
    """JAX takes no array for `nondiff_argnums`: the mend must be one that works."""
    (finding,) = checked(tmp_path, name, said).findings
    assert finding.code == "GC103"
    assert mend in (finding.mend or "")


def test_a_wrong_gradient_of_a_constant_is_wrong(tmp_path: Path) -> None:
    layer = checked(tmp_path, "eps", gradient="jnp.sum(g * x)")
    assert [finding.argument for finding in layer.findings] == ["eps"]
