"""The command that checks a layer again, to be copied."""

from __future__ import annotations

import shlex

from gradcheck_cli.inspector.session import Question
from gradcheck_cli.report.model import LayerReport


def command_of(layer: LayerReport, seed: int, question: Question) -> str:
    """`gradcheck run mylayer.py::affine --seed 0`, with the seed and the sizes that were asked for last."""
    if not question.dimensions and question.seed is None and layer.reproduce:
        return layer.reproduce
    words = ["gradcheck", "run", f"{layer.path}::{layer.name}"]
    words += ["--seed", str(seed if question.seed is None else question.seed)]
    for name, size in question.dimensions:
        words += ["--dim", f"{name}={size}"]
    return shlex.join(words)
