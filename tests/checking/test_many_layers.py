"""A run over many layers does not pile up what was compiled for them."""

from __future__ import annotations

from pathlib import Path

import jax
import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Status
from gradcheck_cli.tracing import jax_setup

WAVE = '''

@jax.custom_vjp
def wave_{i}(x):
    """x: shape (N,)"""
    return jnp.sin({i} * x)


wave_{i}.defvjp(lambda x: (jnp.sin({i} * x), x), lambda x, g: (g * {i} * jnp.cos({i} * x),))
'''


def test_compiled_programs_are_forgotten_between_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "layers.py"
    waves = "".join(WAVE.replace("{i}", str(i)) for i in range(2, 6))
    path.write_text(f"import jax\nimport jax.numpy as jnp\n{waves}", encoding="utf-8")
    forgotten = []
    clear = jax.clear_caches
    monkeypatch.setattr(jax_setup, "CASES_A_LOOK", 1)
    monkeypatch.setattr(jax_setup, "MAPPINGS", 0)
    monkeypatch.setattr(jax, "clear_caches", lambda: (forgotten.append(True), clear()))
    report = check_targets([Target(path)], CheckOptions(InputOptions(draws=1)))
    assert [layer.status for layer in report.layers] == [Status.PASS] * 4
    assert len(forgotten) == 4
