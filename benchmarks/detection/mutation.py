"""Systematic mutation of backwards: one change in one place of the source, the rest of the text as it was."""

from __future__ import annotations

import ast
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.detection.bug import Bug
from benchmarks.detection.operators import replacements
from benchmarks.detection.regions import assigned, regions
from gradcheck_cli.layers.layer import Layer

OTHER_NAMES = 2
"""How many other variables a name is mixed up with."""


@dataclass(frozen=True)
class Place:
    """A stretch of a source: lines from 1, columns in bytes."""

    line: int
    column: int
    last_line: int
    last_column: int

    def replaced(self, source: str, text: str) -> str:
        """The source with `text` in this place."""
        lines = source.encode().splitlines(keepends=True)
        before = b"".join(lines[: self.line - 1]) + lines[self.line - 1][: self.column]
        after = lines[self.last_line - 1][self.last_column :] + b"".join(lines[self.last_line :])
        return (before + text.encode() + after).decode()


def mutants(module: Path, source: str, layers: Sequence[Layer], seed: int = 0) -> dict[str, list[Bug]]:
    """Every mutant of each layer's backward, in an order drawn from `seed` in which the kinds take turns.

    Whether a mutant runs, and whether it is wrong at all, is not known yet.
    """
    tree = ast.parse(source)
    found = {}
    for name, region in regions(tree, layers).items():
        rng = random.Random(zlib.crc32(f"{module.stem}::{name}".encode()) + seed)
        found[name] = _in_turns(list(_mutants_of(module, source, name, region, rng)), rng)
    return found


def _mutants_of(module: Path, source: str, layer: str, region: Sequence[ast.AST], rng: random.Random) -> Iterator[Bug]:
    names = sorted({name for root in region for node in ast.walk(root) for name in assigned(node)})
    local = frozenset(names)
    seen = {source}
    counts: dict[str, int] = {}
    for root in region:
        for node in _mutable(root):
            mixed_up = isinstance(node, ast.Name) and node.id in local
            others = rng.sample(names, min(OTHER_NAMES, len(names))) if mixed_up else []
            place = Place(node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)
            old = ast.get_source_segment(source, node) or ""
            for kind, text in replacements(node, others):
                changed = place.replaced(source, text)
                if changed in seen or not _compiles(changed):
                    continue
                seen.add(changed)
                name = f"{module.stem}::{layer}#{kind}@{place.line}"
                counts[name] = counts.get(name, 0) + 1
                if counts[name] > 1:
                    name += f".{counts[name]}"
                yield Bug(name, module, layer, changed, kind, f"`{_one_line(old)}` → `{_one_line(text)}`")


def _mutable(root: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """The nodes below `root` that have a place of their own; nothing inside a formatted string."""
    waiting: list[ast.AST] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.JoinedStr):
            continue
        if isinstance(node, ast.expr | ast.stmt):
            yield node
        waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def _in_turns(bugs: Sequence[Bug], rng: random.Random) -> list[Bug]:
    """The bugs shuffled, one of each kind at a time, so that the first few are of many kinds."""
    by_kind: dict[str, list[Bug]] = {}
    for bug in rng.sample(list(bugs), len(bugs)):
        by_kind.setdefault(bug.kind, []).append(bug)
    kinds = rng.sample(sorted(by_kind), len(by_kind))
    longest = max(map(len, by_kind.values()), default=0)
    return [by_kind[kind][turn] for turn in range(longest) for kind in kinds if turn < len(by_kind[kind])]


def _compiles(source: str) -> bool:
    try:
        compile(source, "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _one_line(text: str) -> str:
    return " ".join(text.split())
