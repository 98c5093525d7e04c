"""The forward and the backward of a layer as they were when it was checked, with the lines that a finding names."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gradcheck_cli.report.escaping import plain
from gradcheck_cli.report.marked_source import mark_below
from gradcheck_cli.report.model import Blame, Finding, LayerReport
from gradcheck_cli.saved.model import KeptLayer


@dataclass(frozen=True)
class Excerpt:
    """A function's source.

    Attributes:
        first: the number of its first line.
        text: all of it, made harmless.
        blamed: numbers of the lines that are to blame; () where none is.
        mark: what stands below the last of them: `^^^^ × 0 in your backward`.
        focus: the number of the line to look at.
        is_named: a finding names that line.
    """

    path: str
    first: int
    text: str
    focus: int
    blamed: tuple[int, ...] = ()
    mark: str = ""
    is_named: bool = False


def forward_excerpt(layer: LayerReport, kept: KeptLayer | None, finding: Finding | None) -> Excerpt | None:
    """The function in which what is to blame stands; else the forward; None where its source is not known."""
    blame = None if finding is None else finding.blame
    if blame is not None:
        return _blamed(kept, blame)
    if kept is None or kept.forward_line is None:
        return None
    return _at(kept, layer.path, kept.forward_line)


def backward_excerpt(layer: LayerReport, kept: KeptLayer | None, finding: Finding | None) -> Excerpt | None:
    """The function that a finding is about; else the layer's backward; None where its source is not known."""
    found = None
    if finding is not None and finding.line is not None:
        found = _at(kept, finding.path, finding.line)
        found = None if found is None else replace(found, is_named=True)
    return found or _at(kept, layer.path, layer.line)


def wrong_place(layer: LayerReport, finding: Finding | None) -> tuple[str, int]:
    """The file and the line to be edited: what is to blame, else where the finding is, else the backward."""
    if finding is not None and finding.blame is not None:
        return finding.blame.path, finding.blame.line
    if finding is not None and finding.line is not None:
        return finding.path, finding.line
    return layer.path, layer.line


def _at(kept: KeptLayer | None, path: str, line: int) -> Excerpt | None:
    source = None if kept is None else kept.source_at(path, line)
    return None if source is None else Excerpt(path, source.line, _harmless(source.text), line)


def _blamed(kept: KeptLayer | None, blame: Blame) -> Excerpt:
    source = None if kept is None else kept.source_at(blame.path, blame.line)
    if source is not None:
        first, text = source.line, source.text
    elif blame.forward:
        first, text = blame.forward[0][0], _filled(blame.forward)
    else:
        first, text = blame.line, blame.source
    text = _harmless(text)
    lines = text.split("\n")
    last = min(max(blame.end_line - first, 0), len(lines) - 1)
    blamed = tuple(range(blame.line, blame.end_line + 1))
    return Excerpt(blame.path, first, text, blame.line, blamed, mark_below(lines[last], blame))


def _filled(numbered: tuple[tuple[int, str], ...]) -> str:
    """Lines with the empty ones between them (a docstring is left out)."""
    known = dict(numbered)
    return "\n".join(known.get(number, "") for number in range(numbered[0][0], numbered[-1][0] + 1))


def _harmless(text: str) -> str:
    return plain(text.expandtabs(4))
