"""An error of the user's code in an examination, as a finding that says in which situation it came."""

from __future__ import annotations

import re

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.report.model import Finding

_EXPLANATION = re.compile(
    r" The error occurred while| See https://| \(https://|\.? This [\w ]*(?:Tracer|value) (?:with|was) "
)
"""Where JAX goes on to explain, with object numbers and addresses of pages."""


def raised_finding(error: UserError, layer: Layer, situation: str, mend: str | None = None) -> Finding:
    """GC502 with `situation` (`under jax.jit`) beside what was raised.

    JAX's own long explanations are cut after their first sentence; the user's line is where the error arose.
    """
    message, _, inputs = error.message.partition("; inputs: ")
    message = _EXPLANATION.split(message, maxsplit=1)[0].rstrip(" .")
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
