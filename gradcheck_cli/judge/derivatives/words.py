"""An error of the user's code in an examination, as a finding that says in which situation it came."""

from __future__ import annotations

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.report.model import Finding


def raised_finding(error: UserError, layer: Layer, situation: str, mend: str | None = None) -> Finding:
    """GC502 with `situation` (`under jax.jit`) beside what was raised.

    JAX's own long explanations are cut after their first sentence; the user's line is where the error arose.
    """
    message, _, inputs = error.message.partition("; inputs: ")
    message = message.split(" The error occurred while")[0].split(" See https://")[0].split(" (https://")[0].rstrip()
    head, word, said = message.partition(" raised ")
    message = f"{head} {situation} raised {said}" if word else f"{situation}: {message}"
    return Finding(
        error.code or "GC502",
        f"{message}; inputs: {inputs}" if inputs else message,
        str(error.path or layer.path),
        error.line if error.line is not None else layer.line,
        error.argument,
        mend=mend or error.mend,
    )
