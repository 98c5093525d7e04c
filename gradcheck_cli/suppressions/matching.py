"""Which comments and which entries of the configuration hide a finding, each by itself and in no order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from gradcheck_cli.report.model import Finding, LayerReport
from gradcheck_cli.suppressions.comments import Ignore, Ignores
from gradcheck_cli.suppressions.per_file import PerFile


@dataclass(frozen=True)
class Source:
    """One word of a comment, or of an entry for files: what may hide findings, and may be in vain.

    Attributes:
        place: the module, or the pattern.
        position: of the comment in the module, or of the entry in the table.
        word: the position of the word in it.
        is_comment: a comment, else an entry.
    """

    place: str
    position: int
    word: int
    is_comment: bool


@dataclass(frozen=True)
class Match:
    """A finding is hidden: by what, in the report's words, and by which word of it."""

    by: str
    source: Source


def matches(
    layer: LayerReport | None, finding: Finding, ignores: Mapping[str, Ignores], entries: tuple[PerFile, ...]
) -> Iterator[Match]:
    """Every word that hides this finding, comments first.

    Args:
        layer: the finding's; None for one that belongs to no layer.
        finding: the finding.
        ignores: by module, what its comments say.
        entries: those of the configuration.
    """
    path = finding.path if layer is None else layer.path
    for place in dict.fromkeys((path, finding.path)):
        for position, comment in enumerate(ignores.get(place, Ignores()).comments):
            if _speaks_for(comment, place, layer, finding, ignores[place]):
                by = f"comment line {comment.line}"
                by = by if place == path else f"comment {PurePath(place).name}:{comment.line}"
                for word, means in enumerate(comment.words):
                    if finding.code in means.codes:
                        yield Match(by, Source(place, position, word, is_comment=True))
    for position, entry in enumerate(entries):
        if entry.names(path):
            for word, means in enumerate(entry.words):
                if finding.code in means.codes:
                    source = Source(entry.pattern, position, word, is_comment=False)
                    yield Match("per-file-ignores", source)


def layers_of(comment: Ignore, place: str, ignores: Ignores, layers: tuple[LayerReport, ...]) -> list[LayerReport]:
    """The layers on whose forward, backward or class a comment stands."""
    return [layer for layer in layers if _is_on(comment, place, layer, ignores)]


def _speaks_for(comment: Ignore, place: str, layer: LayerReport | None, finding: Finding, ignores: Ignores) -> bool:
    if comment.whole_file:
        return True
    if comment.statement is None:
        return False
    statement = ignores.text.statements[comment.statement]
    if finding.path == place and finding.line is not None and statement.first <= finding.line <= statement.last:
        return True
    return layer is not None and _is_on(comment, place, layer, ignores)


def _is_on(comment: Ignore, place: str, layer: LayerReport, ignores: Ignores) -> bool:
    lines = (layer.line, layer.forward_line)
    return layer.path == place and comment.statement in ignores.text.definitions(lines)
