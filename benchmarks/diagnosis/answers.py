"""What gradcheck said of planted bugs, as lines of a JSON file: a run that is stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """What was said of one bug under one seed.

    Attributes:
        bug: its name in its table, which is unique.
        found: the backward was called wrong, or raised.
        code: of the first finding, "" without one.
        line, end_line: of the forward, where a line of the module is blamed; else 0.
        factor: α of the path that is blamed; None without one.
        expression: what is blamed, as it is written.
        codes: of all findings.
        message: of the first finding, or what kept gradcheck from its work.
        seconds: of the whole check, the diagnosis with it; wall seconds in a warm process.
        diagnosis: seconds of the diagnosis; 0 where there was none.
    """

    bug: str
    seed: int
    found: bool
    code: str = ""
    line: int = 0
    end_line: int = 0
    factor: float | None = None
    expression: str = ""
    codes: tuple[str, ...] = ()
    message: str = ""
    seconds: float = 0.0
    diagnosis: float = 0.0


def read(path: Path | None) -> list[Answer]:
    """The answers of a file, none where it is not there; the last one where a bug was asked about twice."""
    if path is None or not path.exists():
        return []
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        data = json.loads(line)
        answer = Answer(**{**data, "codes": tuple(data["codes"])})
        found[answer.bug, answer.seed] = answer
    return list(found.values())


def append(path: Path | None, answers: Iterable[Answer]) -> None:
    """Add answers at the end of a file."""
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            for answer in answers:
                file.write(json.dumps(asdict(answer), ensure_ascii=False) + "\n")
