"""The report as JSON Lines: one object a line. `docs/jsonl.schema.json` says what each key means.

Every character outside ASCII is written as an escape, so that no reader takes one of Unicode's other line separators
for the end of a line.
"""

from __future__ import annotations

import json
from typing import Any

from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.json import report_object
from gradcheck_cli.report.model import Report

_OF_THE_RUN = ("schema_version", "version", "seed", "device")
_OF_THE_END = ("summary", "unused_ignores", "notes", "seconds")


def render_jsonl(report: Report, ending: Ending) -> str:
    """A line `run`, one `layer` for each layer, one `error` for what kept the command from its work, and `summary`."""
    whole = report_object(report, ending.problem)
    lines = [
        _line("run", {key: whole[key] for key in _OF_THE_RUN}),
        *(_line("layer", layer) for layer in whole["layers"]),
        *(_line("error", error) for error in whole["errors"]),
        _line("summary", {**{key: whole[key] for key in _OF_THE_END}, "exit_code": int(ending.exit_code)}),
    ]
    return "".join(lines)


def _line(kind: str, content: dict[str, Any]) -> str:
    return json.dumps({"kind": kind, **content}, allow_nan=False) + "\n"
