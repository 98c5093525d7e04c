from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.tracing import jax_setup
from gradcheck_cli.tracing.jax_setup import CASES_A_LOOK, MAPPINGS, next_case, start


def test_float64_on_the_cpu() -> None:
    start("cpu")
    assert jnp.zeros(1).dtype == jnp.float64
    assert jnp.zeros(1).devices().pop().platform == "cpu"
    assert jax.config.jax_default_matmul_precision == "highest"


def test_unknown_device_names_the_mend() -> None:
    with pytest.raises(UserError, match="unknown device 'tpu'") as caught:
        start("tpu")
    assert caught.value.mend is not None and "--device cpu" in caught.value.mend


def test_missing_gpu_is_a_clear_error_and_the_cpu_still_works() -> None:
    start("cpu")
    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("this machine has a GPU")
    with pytest.raises(UserError, match="no gpu device"):
        start("gpu")
    start("cpu")
    assert float(jnp.sin(0.0)) == 0.0


@pytest.mark.parametrize(("mappings", "kept"), [(MAPPINGS, True), (MAPPINGS + 1, False)])
def test_compiled_programs_are_forgotten_where_they_are_many(
    monkeypatch: pytest.MonkeyPatch, mappings: int, kept: bool
) -> None:
    program = jax.jit(lambda x: x + 1)
    program(1.0)
    monkeypatch.setattr(jax_setup, "_mappings", lambda: mappings)
    for _ in range(CASES_A_LOOK):
        next_case()
    assert program._cache_size() == kept


def test_mappings_are_counted_where_the_system_tells() -> None:
    assert 100 < jax_setup._mappings() < 65_530 if Path("/proc/self/maps").exists() else jax_setup._mappings() == 0
