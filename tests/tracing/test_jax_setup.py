from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.tracing.jax_setup import CASES_A_CACHE, next_case, start


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


def test_compiled_programs_are_forgotten_now_and_then() -> None:
    program = jax.jit(lambda x: x + 1)
    program(1.0)
    held = []
    for _ in range(CASES_A_CACHE):
        held.append(program._cache_size())
        next_case()
    assert held[0] == 1
    assert program._cache_size() == 0
