"""JAX, configured in one place: float64, one device, full precision of products, no memory taken in advance."""

from __future__ import annotations

import itertools
import os
from typing import Any

from gradcheck_cli.errors import UserError

DEVICES = ("cpu", "gpu")

CASES_A_CACHE = 16
"""Cases after which compiled programs are forgotten: one with loops leaves a thousand memory mappings behind, and Linux
gives a process 65,530, after which LLVM crashes."""

_cases = itertools.count()
"""Of this process, as the programs are."""


def start(device: str = "cpu") -> None:
    """Configure JAX for reference gradients. May be called again; the last device wins.

    Float64 is on because the reference must be finer than what is judged; matrix products are at the highest
    precision because GPUs otherwise round their operands to fewer bits (TF32).

    Args:
        device: `cpu` or `gpu`.

    Raises:
        UserError: for an unknown device, or a `gpu` that is not there.
    """
    if device not in DEVICES:
        raise UserError(f"unknown device {device!r}", mend="--device cpu or --device gpu")
    # Read when a backend starts: a check must not take most of a shared GPU's memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_default_matmul_precision", "highest")
    # Where no GPU was asked for, none is started. This has no effect on a process whose backends already run;
    # the default device below holds there.
    jax.config.update("jax_platforms", "cpu" if device == "cpu" else None)
    jax.config.update("jax_default_device", find_device(device))


def next_case() -> None:
    """Forget what was compiled for the cases before, now and then. The user's own programs are compiled again too."""
    import jax

    if next(_cases) % CASES_A_CACHE == CASES_A_CACHE - 1:
        jax.clear_caches()


def find_device(device: str) -> Any:
    """The first JAX device of this kind.

    Raises:
        UserError: where JAX has none.
    """
    import jax

    try:
        return jax.devices(device)[0]
    except RuntimeError as error:
        jax.config.update("jax_platforms", "cpu")
        raise UserError(
            f"no {device} device: JAX sees none on this machine",
            mend='install JAX for it (pip install "jax[cuda12]") and check its driver, or leave out --device',
        ) from error
