"""The words that a forward and its backward both tell a setting apart by: `mode == "max"`, `mode == "average"`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from gradcheck_cli.layers.inputs.forward_source import dotted, functions_at

_NO_TRAINING = re.compile(r"test(ing)?|eval\w*|infer\w*|predict\w*|val(idation)?|none|sum", re.IGNORECASE)
"""Modes in which nothing is differentiated, and reductions that only one of the two may know."""


def choices(source: str, lines: Sequence[int], names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """By setting, the strings that each of the functions defined at `lines` compares it with, where there are several.

    A constructor speaks for its class's forward, for what it compares is compared before. Each such word is one that
    the backward claims to know.
    """
    told = [functions_at(source, line)[: None if turn == 0 else 1] for turn, line in enumerate(lines)]
    found = {}
    for name in names:
        each = [list(dict.fromkeys(word for function in some for word in _compared(function, name))) for some in told]
        common = [word for word in each[0] if all(word in words for words in each[1:])] if all(each) else []
        kept = tuple(word for word in common if not _NO_TRAINING.fullmatch(word))
        if len(kept) > 1:
            found[name] = kept
    return found


def _compared(function: ast.AST, name: str) -> list[str]:
    words: list[str] = []
    for node in ast.walk(function):
        match node:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Constant(value=str() as word)]):
                if dotted(left) in (name, f"self.{name}"):
                    words.append(word)
            case _:
                pass
    return words
