"""Compiling JAX programs quickly: they are small or run a few times, so compile time is what a person waits for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from gradcheck_cli.tracing.jax_setup import find_device

QUICK: dict[str, Any] = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,  # of 32 parts each is compiled with what all of them need
    "xla_allow_excess_precision": False,  # a cast to a narrower dtype and back is part of the program
}
"""Compile options for the CPU. Measured on two cores: an affine layer's gradient compiles in 26 ms instead of 107 ms,
and at 32×1024×1024, where nearly all time is in matrix products of a library, it runs as fast (33 ms, 32 ms)."""

REMEMBERED = 64
"""How many compiled programs are kept."""

_programs: OrderedDict[Hashable, Any] = OrderedDict()


def compile_program(
    function: Callable[..., Any], arguments: tuple[Any, ...], device: str = "cpu", *, same: Hashable = None
) -> Any:
    """`function` compiled for arguments of these shapes and dtypes, on `device` (`cpu` or `gpu`).

    Programs with the same text are compiled once: draws with equal shapes share one, where their constants are
    arguments. Raises whatever tracing `function` raises.

    Args:
        same: what the text follows from, with the shapes and dtypes: where it was compiled before, nothing is traced.
    """
    import jax

    known = None
    if same is not None:
        given, structure = jax.tree.flatten(arguments)
        known = device, same, structure, tuple((np.shape(one), np.result_type(one)) for one in given)
        if known in _programs:
            return _programs[known]
    with jax.default_device(find_device(device)):
        lowered = jax.jit(function).lower(*arguments)
        text = lowered.as_text()
        # an argument that is not used leaves no trace in the text, and must be handed over all the same
        key = (device, f"{jax.tree.structure(arguments)}\n{text}")
        program = _programs[key] if key in _programs else _compile(lowered, device)
    # Two programs that call back into Python may have one text and two callbacks.
    if "callback" not in text:
        for name in (key, known) if known is not None else (key,):
            _programs[name] = program
            _programs.move_to_end(name)
        while len(_programs) > REMEMBERED:
            _programs.popitem(last=False)
    return program


def _compile(lowered: Any, device: str) -> Any:
    if device != "cpu":
        return lowered.compile()
    try:
        return lowered.compile(compiler_options=QUICK)
    except Exception:  # an XLA that does not know these options: slower, no less right
        return lowered.compile()
