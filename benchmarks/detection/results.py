"""What a run found out, as plain data that goes to a JSON file and comes back from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

OURS = "gradcheck"


@dataclass(frozen=True)
class Result:
    """What one tool said of one backward under one seed.

    Attributes:
        module, layer: the layer, as `zoo/attention.py` has it.
        bug: its name, "" for the right backward.
        kind: of the bug: `by hand`, or the mutation; "" for the right backward.
        what: what was replaced.
        applicable: the bug changes some element by more than the threshold on these very inputs, or breaks a contract.
        effect: what it does on them (`changed`, `none`, ...).
        worst: the largest relative change of an element.
        said: `wrong`, `right`, `inconclusive` or `failed`.
        seconds: wall seconds in a warm process.
        words: the tool's own, in short.
        intended: the right backward is meant to be another than the derivative (straight-through).
    """

    module: str
    layer: str
    seed: int
    dtype: str
    tool: str
    said: str
    seconds: float
    words: str = ""
    bug: str = ""
    kind: str = ""
    what: str = ""
    applicable: bool = True
    effect: str = ""
    worst: float = 0.0
    intended: bool = False


@dataclass(frozen=True)
class Reference:
    """A right backward held against the high-precision reference under one seed."""

    module: str
    layer: str
    seed: int
    precision: str
    elements: int
    worst: float
    error: float
    wrong: int
    kinks: int = 0


@dataclass(frozen=True)
class Run:
    """One run, or several put together.

    Attributes:
        left_out: how many mutants were tried and are not planted, by why.
        unseen: mutants that are wrong, but on none of the inputs that are drawn.
        machine: what it ran on, and which versions.
        problems: what went wrong with the benchmark itself.
    """

    results: tuple[Result, ...] = ()
    references: tuple[Reference, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    machine: str = ""
    problems: tuple[str, ...] = ()

    def __add__(self, other: Run) -> Run:
        return Run(
            self.results + other.results,
            self.references + other.references,
            self.left_out or other.left_out,
            self.unseen or other.unseen,
            self.machine or other.machine,
            self.problems + other.problems,
        )

    def of(self, tool: str) -> list[Result]:
        """What one tool said."""
        return [result for result in self.results if result.tool == tool]


def write(run: Run, path: Path) -> None:
    """Write a run as JSON (infinity as Python writes it)."""
    path.write_text(json.dumps(asdict(run), indent=0, ensure_ascii=False), encoding="utf-8")


def read(paths: Iterable[Path]) -> Run:
    """Runs written before, put together."""
    found = Run()
    for path in paths:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        data["results"] = tuple(Result(**item) for item in data["results"])
        data["references"] = tuple(Reference(**item) for item in data["references"])
        data["unseen"], data["problems"] = tuple(data["unseen"]), tuple(data["problems"])
        found += Run(**data)
    return found


def right(results: Sequence[Result]) -> list[Result]:
    """Those on right backwards."""
    return [result for result in results if not result.bug]


def planted(results: Sequence[Result]) -> list[Result]:
    """Those on bugs that change gradients on the drawn inputs."""
    return [result for result in results if result.bug and result.applicable and not is_contract(result)]


def contracts(results: Sequence[Result]) -> list[Result]:
    """Those on bugs that leave the gradients of a single call as they are, and break a contract."""
    return [result for result in results if result.bug and result.applicable and is_contract(result)]


def is_contract(result: Result) -> bool:
    """Whether a bug changes no gradient of a single call by more than the threshold."""
    return result.effect in ("none", "small")
