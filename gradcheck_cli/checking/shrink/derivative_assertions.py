"""The statements that show what is wrong under `jax.jit`, `jax.vmap`, `jax.grad` of the gradient and `jax.jvp`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck_cli.checking.shrink.shown import Shown
from gradcheck_cli.checking.shrink.transcript import Transcript
from gradcheck_cli.checking.shrink.words import quoted
from gradcheck_cli.layers.leaves import is_floating

STEP = "1e-5"
FIRST = 4
"""How many elements are tried for one whose second derivative is wrong."""


def derivative_ways(message: str, transcript: Transcript) -> Iterator[Shown]:
    """Ways to show a finding whose message speaks of a transformation of JAX's."""
    if not transcript.layer.uses_jax:
        return
    if "jvp rule" in message or "in forward mode" in message:
        yield from _pushed_forward(transcript)
    if transcript.constructor or not transcript.backward:
        return
    if "under `jax.jit`" in message:
        yield from _transformed(transcript, "jax.jit", lambda name: name, "")
    if "under `jax.vmap`" in message:
        yield from _transformed(transcript, "jax.vmap", lambda name: f"jnp.stack([{name}, 2 * {name}])", "[0]")
    if "second derivative" in message or "under `jax.grad` of" in message:
        yield from _differentiated(transcript)


def _transformed(transcript: Transcript, by: str, given: Callable[[str], str], row: str) -> Iterator[Shown]:
    """Forward and backward as one function, transformed and as it is."""
    run = transcript.free("run", "gradient")
    names = _arrays(transcript)
    arguments, stacked = ", ".join(names), ", ".join(map(given, names))
    for gradient in dict.fromkeys(transcript.gradients.values()):
        define = f"def {run}({arguments}): {transcript.forward}; {transcript.backward}; return {gradient}"
        call = f"{by}({run})({stacked}){row}"
        message = f'"{quoted(gradient)} is another under {by}"'
        close = f"np.allclose({call}, {run}({arguments}), rtol=1e-3, atol=1e-6)"
        yield Shown((define, f"assert {close}, {message}"), alone=True)
        yield Shown((define, *_raising(call, f"under {by}")), alone=True)


def _differentiated(transcript: Transcript) -> Iterator[Shown]:
    """The derivative of a gradient, summed, against its central difference."""
    total = transcript.free("total", "summed")
    for gradient in dict.fromkeys(transcript.gradients.values()):
        for leaf in transcript.case.leaves:
            name = transcript.variables[leaf.argument]
            if leaf.path or name not in _arrays(transcript):
                continue
            define = f"def {total}({name}): {transcript.forward}; {transcript.backward}; return jnp.sum({gradient})"
            for index in list(np.ndindex(leaf.value.shape))[:FIRST]:
                place = ", ".join(map(str, index))
                at = f"[{place}]" if index else ""
                h = f"{STEP}" if leaf.value.size == 1 else f"jnp.zeros({name}.shape).at[{place}].set({STEP})"
                yours = f"jax.grad({total})({name}){at}"
                said = 'f"the second derivative is {yours}, not {numeric}"'
                yield Shown(
                    (
                        define,
                        f"h = {h}",
                        f"yours, numeric = {yours}, ({total}({name} + h) - {total}({name} - h)) / 2e-5",
                        f"assert np.isclose(yours, numeric, rtol=1e-3, atol=1e-6), {said}",
                    ),
                    alone=True,
                )
            yield Shown((define, *_raising(f"jax.grad({total})({name})", "under jax.grad of its gradient")), alone=True)


def _pushed_forward(transcript: Transcript) -> Iterator[Shown]:
    """`jax.jvp` of the function: its output, what it makes of tangents, and the central difference along one."""
    names = [
        transcript.variables[leaf.argument]
        for leaf in transcript.case.leaves
        if not leaf.path and transcript.variables[leaf.argument] in _arrays(transcript)
    ]
    f, t = transcript.free("f", "function"), transcript.free("t", "tangent")
    x, u = f"({', '.join(names)},)", transcript.free("u", "along")
    output = transcript.forward_call + (transcript.taken or ("",))[0]
    start = (
        f"def {f}({', '.join(names)}): return {output}",
        f"{t} = ({', '.join(f'0.5 + jnp.ones({name}.shape)' for name in names)},)",
    )
    pushed = f"jax.jvp({f}, {x}, {t})"
    twice = f"jax.jvp({f}, {x}, tuple(-2 * {u} for {u} in {t}))[1]"
    none = f"jax.jvp({f}, {x}, tuple(0 * {u} for {u} in {t}))[1]"
    ahead, behind = (f"{f}(*(a {sign} {STEP} * {u} for a, {u} in zip({x}, {t})))" for sign in "+-")
    checks = (
        (f"{pushed}[0]", f"{f}(*{x})", "jax.jvp returns another output than the function itself"),
        (none, "0", "a tangent of zero gives another tangent than zero"),
        (twice, f"-2 * {pushed}[1]", "-2 times the tangent gives another tangent than -2 times it"),
        (f"{pushed}[1]", f"({ahead} - {behind}) / 2e-5", "the tangent is not the function's slope along it"),
    )
    for one, other, message in checks:
        close = f"np.allclose({one}, {other}, rtol=1e-3, atol=1e-6)"
        yield Shown((*start, f'assert {close}, "{message}"'), alone=True)


def _raising(call: str, where: str) -> tuple[str, str]:
    message = f'f"{where} it raised {{error!r}}"'
    return f"try: {call}", f"except Exception as error: raise AssertionError({message}) from error"


def _arrays(transcript: Transcript) -> list[str]:
    given = [*transcript.inputs, *transcript.upstream]
    return [name for name, value in given if is_floating(value)]
