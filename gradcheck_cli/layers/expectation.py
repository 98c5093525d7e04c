"""`# gradcheck: expect[straight-through]` on the line of a backward: a gradient that is deliberately another."""

from __future__ import annotations

from dataclasses import replace

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.conjugate import EXPECT as CONJUGATE
from gradcheck_cli.layers.conventions import explicit
from gradcheck_cli.layers.explicit import EXPECTATIONS
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.markers import IGNORES, marks_at, unread_at
from gradcheck_cli.layers.module import Module


def with_expectation(layer: Layer, module: Module, problems: list[UserError]) -> Layer:
    """The layer, with what the comment on the line of its backward says to expect; where it says nothing known, a
    GC502 is added to `problems`. What `layer(expect=...)` says goes before a comment."""
    if layer.path != module.path or "gradcheck:" not in module.source:
        return layer
    marks = marks_at(module.source, layer.line)
    said = marks.get("expect", ())
    marks = {word: values for word, values in marks.items() if word not in IGNORES}
    unknown = [f"{word}[{', '.join(values)}]" for word, values in marks.items() if word != "expect" or not said]
    unknown += [f"expect[{value}]" for value in said if value not in EXPECTATIONS]
    problems.extend(_unknown(text, layer) for text in (*unknown, *unread_at(module.source, layer.line)))
    known = [value for value in said if value in EXPECTATIONS]
    if not known or layer.expect:
        return layer
    bind = explicit.conjugated(layer.bind) if known[0] == CONJUGATE else layer.bind
    return replace(layer, expect=known[0], bind=bind)


def _unknown(text: str, layer: Layer) -> UserError:
    choices = ", ".join(f"`# gradcheck: expect[{choice}]`" for choice in EXPECTATIONS)
    return UserError(
        f"`# gradcheck: {text}` on the backward of `{layer.name}` says nothing known",
        code="GC502",
        path=layer.path,
        line=layer.line,
        mend=f"write one of {choices}",
    )
