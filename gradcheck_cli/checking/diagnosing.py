"""From the draws of a layer whose gradients are wrong to the same draws with the cause named, where there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gradcheck_cli.checking.case import CheckedCase
from gradcheck_cli.diagnose.blame import Judged
from gradcheck_cli.diagnose.cause import Cause, with_causes
from gradcheck_cli.diagnose.causes import causes
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.combine import is_generic
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.reading import read_source

FRESH = 2
"""Cases that are drawn beside the run's own, where too few of those are wrong."""


def diagnosed(
    module: Module, checked: Sequence[CheckedCase], fresh: Callable[[int], CheckedCase]
) -> Sequence[CheckedCase]:
    """The draws, with the causes that explain what is wrong. Only KeyboardInterrupt is raised here.

    Args:
        fresh: a further draw, by number from 0.
    """

    def cases() -> Iterator[Judged]:
        for draw in sorted(checked, key=lambda draw: not is_generic(draw.verdict)):
            yield draw.subject, draw.verdict
        for number in range(FRESH):
            further = fresh(number)
            yield further.subject, further.verdict

    named: tuple[Cause, ...] = ()
    try:
        named = causes(cases(), lambda path: text_of(module, path))
    except KeyboardInterrupt:
        raise
    except Exception:  # a diagnosis is a kindness: the verdict stands without it
        if os.environ.get("GRADCHECK_DEBUG"):
            raise
    return [replace(draw, verdict=with_causes(draw.verdict, named)) for draw in checked]


def text_of(module: Module, path: str) -> str:
    """The text of a file of the user's, "" where it cannot be read; the module's as it was when it was loaded."""
    try:
        return module.source if Path(path) == module.path else read_source(Path(path))
    except UserError:
        return ""
