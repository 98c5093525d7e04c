"""What went wrong while a layer was checked, as a finding in the report."""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import Path

from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, is_users_file, raised
from gradcheck_cli.report.model import Finding, LayerReport, Status
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
    name = f"`{layer.name}`"
    if layer.is_rule:
        reason = wrong.reason.replace("the traced forward gives", f"{name} gives")
        reason = reason.replace("the forward itself gives", "its fwd rule gives")
        message = f"the fwd rule of {name} returns another output than {name} itself: {reason}"
        mend = f"return what {name} returns: `return {layer.name}(...), residuals`"
    else:
        reason = wrong.reason.replace("the traced forward gives", "the reference gives")
        message, mend = f"the forward of {name} is not its reference: {reason}", "mend the forward, or the reference"
    return Finding("GC307", message, path=str(layer.path), line=layer.forward_line, mend=mend)


def at_output(layer: Layer) -> str:
    """That a derivative is right where it is given the output, and wrong where it is given the input."""
    backward, forward = (f"`{name}`" for name in layer.aliases[:2])
    right, wrong = f"right where it is given what {forward} returns", f"wrong where it is given what {forward} takes"
    return f"{backward} is {right}, and {wrong}: if the first is meant, call its parameter `y`"


def undecided(report: LayerReport, why: str) -> LayerReport:
    """A report that passes in one reading of the layer, and not in another."""
    arguments = tuple(replace(argument, status=Status.INCONCLUSIVE, why=why) for argument in report.arguments)
    return replace(report, status=Status.INCONCLUSIVE, arguments=arguments)
