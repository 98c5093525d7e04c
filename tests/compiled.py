"""Running a function of JAX's as one program, compiled as quickly as the product compiles its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from gradcheck_cli.witnesses.reference.compiling import QUICK


def compiled(function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)`. Step by step, each new step of each new shape is a program that takes as long as this."""
    return program(function, *arguments)(*arguments)


def program(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """`function` for arguments of these shapes and dtypes."""
    lowered = jax.jit(function).lower(*arguments)
    try:
        return lowered.compile(compiler_options=QUICK)
    except Exception:  # an XLA that does not know these options
        return lowered.compile()
