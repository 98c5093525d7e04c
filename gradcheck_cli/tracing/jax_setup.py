"""JAX, configured in one place: float64, one device, full precision of products, no memory taken in advance."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

from gradcheck_cli.errors import UserError

DEVICES = ("cpu", "gpu")

MAPPINGS = 8_000
"""Memory mappings of this process at which compiled programs are forgotten: a program takes three and a few megabytes,
and at 65,530, the most that Linux allows, LLVM crashes."""

CASES_A_LOOK = 8
"""Counting them takes a few milliseconds. A case with loops adds up to a thousand."""

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
    """Forget what was compiled for the cases before, where it has become much. The user's programs go with the rest."""
    if next(_cases) % CASES_A_LOOK == 0 and _mappings() > MAPPINGS:
        import jax

        jax.clear_caches()


def _mappings() -> int:
    """How many memory mappings this process has; 0 where the system does not tell."""
    try:
        with Path("/proc/self/maps").open("rb") as lines:
            return sum(1 for _ in lines)
    except OSError:
        return 0


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
