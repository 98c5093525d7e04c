"""Ignores that hide nothing: said only where all that they could hide was looked for."""

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path

from gradcheck_cli.report.model import LayerReport, Report, UnusedIgnore
from gradcheck_cli.suppressions.baseline import Baseline, Key
from gradcheck_cli.suppressions.codes import FINDINGS
from gradcheck_cli.suppressions.comments import Ignore, Ignores, Word
from gradcheck_cli.suppressions.matching import Source, layers_of
from gradcheck_cli.suppressions.per_file import PerFile
from gradcheck_cli.suppressions.scope import Scope, has_errors, is_judged

_IN_VAIN = "no longer matches anything"


def unused_words(
    report: Report, ignores: Mapping[str, Ignores], entries: tuple[PerFile, ...], used: Set[Source], scope: Scope
) -> list[UnusedIgnore]:
    """Comments that cannot be obeyed; words of comments, and of entries for files, that hide nothing.

    Args:
        report: the engine's.
        ignores: by module, what its comments say.
        entries: those of the configuration.
        used: the words that hide something.
        scope: what was checked.
    """
    found = []
    for path in dict.fromkeys(layer.path for layer in report.layers):
        said = ignores.get(path, Ignores())
        found += [UnusedIgnore(path, wrong.line, "", wrong.message, wrong.mend) for wrong in said.mistakes]
        for position, comment in enumerate(said.comments):
            if not _could_be_seen(comment, path, said, report, scope):
                continue
            for at, word in enumerate(comment.words):
                if Source(path, position, at, is_comment=True) not in used and _is_sought(word, scope):
                    is_alone = not word.text or f"[{word.text}]" in comment.text
                    of = f'"{comment.text}"' if is_alone else f'`{word.text}` in "{comment.text}"'
                    found.append(UnusedIgnore(path, comment.line, comment.text, f"{of} {_IN_VAIN}", "remove it"))
    for position, entry in enumerate(entries):
        if not _was_answered(entry, report, scope):
            continue
        for at, word in enumerate(entry.words):
            if Source(entry.pattern, position, at, is_comment=False) not in used and _is_sought(word, scope):
                of = f'"{word.text}" for "{entry.pattern}"'
                found.append(UnusedIgnore(str(entry.file), entry.line, of, f"{of} {_IN_VAIN}", "remove it"))
    return sorted(found, key=lambda one: (one.path, one.line or 0))


def unused_entries(report: Report, baseline: Baseline, needed: Mapping[Key, int], scope: Scope) -> list[UnusedIgnore]:
    """Entries of a baseline that count more findings than there are; `needed`: how many there are of each plain key,
    without those that a comment or an entry for files hides."""
    found = []
    for key in sorted(baseline.counts):
        count, there = baseline.counts[key], needed.get(key.plain, 0)
        if there < count and is_answered(key, report, baseline, scope):
            less = f"is needed for {there} of its {count} findings" if there else _IN_VAIN
            found.append(
                UnusedIgnore(str(baseline.file), None, key.shown, f"{key.shown} {less}", "`--write-baseline` drops it")
            )
    return found


def is_answered(
    key: Key, report: Report, baseline: Baseline, scope: Scope, silenced: frozenset[str] = frozenset()
) -> bool:
    """Whether a run that does not find what an entry of the baseline hides has shown that it is gone."""
    if key.code in scope.unsought | silenced:
        return False
    for layer in report.layers:
        if (baseline.path_of(layer), layer.name) == (key.path, key.layer):
            return is_judged(layer)
    module = baseline.module(key)
    return scope.has_all_of(module) and not has_errors(report, str(module))


def _could_be_seen(comment: Ignore, path: str, said: Ignores, report: Report, scope: Scope) -> bool:
    here = tuple(layer for layer in report.layers if layer.path == path)
    on = [] if comment.whole_file else layers_of(comment, path, said, here)
    if not on:
        return scope.has_all_of(path) and not has_errors(report, path)
    # another layer of the file may share a forward or a class, but not a backward
    is_all = scope.has_all_of(path) or all(_is_backward_of(layer, comment, said) for layer in on)
    return is_all and all(map(is_judged, on))


def _is_backward_of(layer: LayerReport, comment: Ignore, said: Ignores) -> bool:
    return said.text.at(layer.line) == comment.statement


def _is_sought(word: Word, scope: Scope) -> bool:
    return word.codes >= FINDINGS or not word.codes & scope.unsought


def _was_answered(entry: PerFile, report: Report, scope: Scope) -> bool:
    """Whether all files that the pattern can name were checked."""
    named = {layer.path for layer in report.layers if entry.names(layer.path)}
    if any(has_errors(report, path) for path in named):
        return False
    folder = Path(entry.folder)
    return scope.has_all_of(folder)
