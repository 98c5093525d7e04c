"""What went wrong while a layer was checked, as a finding in the report."""

from __future__ import annotations

import traceback
from pathlib import Path

from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, is_users_file, raised
from gradcheck_cli.report.model import Finding
from gradcheck_cli.tracing.trace import Untraceable


def error_of_users_object(error: Exception, module: Module, layer: Layer) -> Finding | None:
    """What an object of the user's raised when it was only looked at; None where the error is ours."""
    innermost = list(traceback.walk_tb(error.__traceback__))[-1:]
    if not innermost or not is_users_file(Path(innermost[0][0].f_code.co_filename), Place.of(module)):
        return None
    frame, line = innermost[0]
    return Finding(
        code="GC502",
        message=f"`{layer.name}` gives an object that {raised(error)} when it is looked at",
        path=frame.f_code.co_filename,
        line=line,
        mend="return arrays, and plain dictionaries, lists and tuples of them",
    )


def internal_error(error: Exception, layer: Layer) -> Finding:
    """A mistake of gradcheck's own while it checked `layer`: never the user's, and said so."""
    calls = list(traceback.walk_tb(error.__traceback__))
    where = f"{Path(calls[-1][0].f_code.co_filename).name}:{calls[-1][1]}" if calls else ""
    return Finding(
        code="GC500",
        message=f"gradcheck itself failed here, which says nothing about the layer: {type(error).__name__}: {error}"
        f" ({where})",
        path=str(layer.path),
        line=layer.line,
        mend="please report it to gradcheck, with the layer; GRADCHECK_DEBUG=1 shows the traceback",
    )


def forward_mismatch(layer: Layer, wrong: Untraceable) -> Finding:
    """The forward does not compute what its own reference computes."""
    reason = wrong.reason.replace("the traced forward gives", "the reference gives")
    return Finding(
        code="GC307",
        message=f"the forward of `{layer.name}` is not its reference: {reason}",
        path=str(layer.path),
        line=layer.forward_line,
        mend="mend the forward, or the reference",
    )
