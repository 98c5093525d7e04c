"""Compiling JAX programs quickly: they are small or run a few times, so compile time is what a person waits for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

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

_programs: OrderedDict[tuple[str, str], Any] = OrderedDict()


def compile_program(function: Callable[..., Any], arguments: tuple[Any, ...], device: str = "cpu") -> Any:
    """`function` compiled for arguments of these shapes and dtypes, on `device` (`cpu` or `gpu`).

    Programs with the same text are compiled once: draws with equal shapes share one, where their constants are
    arguments. Raises whatever tracing `function` raises.
    """
    import jax

    with jax.default_device(find_device(device)):
        lowered = jax.jit(function).lower(*arguments)
        text = lowered.as_text()
        # an argument that is not used leaves no trace in the text, and must be handed over all the same
        key = (device, f"{jax.tree.structure(arguments)}\n{text}")
        if key in _programs:
            _programs.move_to_end(key)
            return _programs[key]
        program = _compile(lowered, device)
    # Two programs that call back into Python may have one text and two callbacks.
    if "callback" not in text:
        _programs[key] = program
        if len(_programs) > REMEMBERED:
            _programs.popitem(last=False)
    return program


def _compile(lowered: Any, device: str) -> Any:
    if device != "cpu":
        return lowered.compile()
    try:
        return lowered.compile(compiler_options=QUICK)
    except Exception:  # an XLA that does not know these options: slower, no less right
        return lowered.compile()
