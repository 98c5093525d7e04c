"""SARIF 2.1.0, the format in which code scanning takes findings (OASIS, Static Analysis Results Interchange Format)."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import PurePath
from typing import Any

from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.json_values import number, text
from gradcheck_cli.report.model import Blame, Report, Status
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.places import is_inside, module_name, relative_path, uri_path
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.report.rule_help import help_markdown, help_text
from gradcheck_cli.report.wrongs import INCONCLUSIVE, Wrong, worst_first, wrongs

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MOST_RESULTS = 25_000
"""Results that code scanning takes of one run."""
FINGERPRINT = "gradcheckFinding/v1"
_ROOT = "%SRCROOT%"
_EXIT_CODES = {0: "passed", 1: "a finding", 2: "the command could not do its work", 130: "interrupted"}


def render_sarif(report: Report, ending: Ending) -> str:
    """One log with one run. A layer that passes gives no result; there is no null anywhere."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report, ending)]}
    return json.dumps(log, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _run(report: Report, ending: Ending) -> dict[str, Any]:
    found = worst_first(wrongs(report))
    shown = found[:MOST_RESULTS]
    codes = list(dict.fromkeys(entry.code for entry in sorted(shown, key=lambda entry: entry.code)))
    prints = _fingerprints(shown, ending)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "gradcheck",
                "version": text(report.version),
                "rules": [_rule(code, ending) for code in codes],
            }
        },
        "invocations": [_invocation(report, ending, len(found) - len(shown))],
        "results": [
            _result(entry, codes.index(entry.code), fingerprint, ending) for entry, fingerprint in zip(shown, prints)
        ],
        "properties": {"seed": report.seed, "device": text(report.device)},
    }
    if ending.folder is not None:
        run["originalUriBaseIds"] = {_ROOT: {"uri": _folder_uri(ending.folder)}}
    return run


def _rule(code: str, ending: Ending) -> dict[str, Any]:
    name, sentences = help_text(code)
    return {
        "id": code,
        "name": name,
        "shortDescription": {"text": sentences.split(". ")[0].rstrip(".") + "."},
        "fullDescription": {"text": sentences},
        "help": {"text": sentences, "markdown": help_markdown(code)},
        "defaultConfiguration": {"level": _level(code, ending)},
    }


def _level(code: str, ending: Ending) -> str:
    """What could not be judged is a warning, though SARIF has a kind `open` for it: viewers hide that."""
    return "warning" if code == INCONCLUSIVE and not ending.strict else "error"


def _result(entry: Wrong, rule_index: int, fingerprint: str, ending: Ending) -> dict[str, Any]:
    message = entry.message + (f" Mend: {entry.mend}" if entry.mend else "")
    result: dict[str, Any] = {
        "ruleId": entry.code,
        "ruleIndex": rule_index,
        "level": _level(entry.code if entry.status is not Status.INCONCLUSIVE else INCONCLUSIVE, ending),
        "message": {"text": _without_links(text(message))},
        "locations": [_location(entry, ending)],
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }
    if entry.blame is not None:
        result["relatedLocations"] = [_blamed(entry.blame, ending)]
    if properties := _properties(entry):
        result["properties"] = properties
    return result


def _location(entry: Wrong, ending: Ending) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": _artifact(entry.path, ending), "region": {"startLine": entry.line}}
    }
    if entry.layer:
        name = text(entry.layer)
        module = text(module_name(entry.path, ending.folder))
        location["logicalLocations"] = [{"name": name, "fullyQualifiedName": f"{module}.{name}", "kind": "function"}]
    return location


def _blamed(blame: Blame, ending: Ending) -> dict[str, Any]:
    """The expression of the forward, as a place that belongs to the result."""
    region = {"startLine": blame.line, "endLine": blame.end_line}
    what = "the path through" if blame.what == "path" else "the local derivative of"
    return {
        "id": 1,
        "physicalLocation": {"artifactLocation": _artifact(blame.path, ending), "region": region},
        "message": {"text": _without_links(text(f"{what} {blame.expression}"))},
    }


def _artifact(path: str, ending: Ending) -> dict[str, str]:
    """Relative to the source root where it lies in it; a URI of its own elsewhere."""
    uri = uri_path(relative_path(path, ending.folder))
    if is_inside(path, ending.folder):
        return {"uri": uri, "uriBaseId": _ROOT} if ending.folder is not None else {"uri": uri}
    return {"uri": "file://" + ("" if uri.startswith("/") else "/") + uri}


def _folder_uri(folder: PurePath) -> str:
    path = uri_path(folder.as_posix())
    return "file://" + ("" if path.startswith("/") else "/") + path.rstrip("/") + "/"


def _fingerprints(entries: list[Wrong], ending: Ending) -> list[str]:
    """The same for the same finding when other lines of the file come or go: no line, no number, no message enters it.

    Equal ones of one layer, which differ in those alone, are told apart by their order.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    prints = []
    for entry in entries:
        key = (relative_path(entry.path, ending.folder), entry.layer, entry.code, entry.argument)
        content = "\0".join((*key, str(seen[key]))).encode("utf-8", "backslashreplace")
        seen[key] += 1
        prints.append(hashlib.sha256(content).hexdigest()[:32])
    return prints


def _properties(entry: Wrong) -> dict[str, Any]:
    """The numbers, for whoever reads the log by a program."""
    numbers = entry.numbers
    if numbers is None:
        return {}
    known = {
        "gradient": text(numbers.gradient_name),
        "wrong": int(numbers.wrong),
        "total": int(numbers.total),
        "maxRelativeError": number(numbers.max_rel_error),
        "maxAbsoluteError": number(numbers.max_abs_error),
        "decidedBy": numbers.decided_by or None,
    }
    return {key: value for key, value in known.items() if value is not None}


def _invocation(report: Report, ending: Ending, left_out: int) -> dict[str, Any]:
    code = int(ending.exit_code)
    notes = [*report.notes]
    if left_out:
        notes.append(f"{counted(left_out, 'more result')} left out: code scanning takes {MOST_RESULTS:,} of a run.")
    invocation: dict[str, Any] = {
        "executionSuccessful": code in (0, 1),
        "exitCode": code,
        "exitCodeDescription": _EXIT_CODES.get(code, "unknown"),
    }
    about_execution = [_notification("note", note) for note in notes]
    if ending.problem is not None:
        problem = _problem(ending.problem, ending)
        if ending.problem.kind == "usage":
            invocation["toolConfigurationNotifications"] = [problem]
        else:
            about_execution.insert(0, problem)
    if about_execution:
        invocation["toolExecutionNotifications"] = about_execution
    return invocation


def _problem(problem: Problem, ending: Ending) -> dict[str, Any]:
    notification = _notification("error", problem.message + (f" Mend: {problem.mend}" if problem.mend else ""))
    if problem.path is not None:
        region = {} if problem.line is None else {"region": {"startLine": max(1, problem.line)}}
        place = {"artifactLocation": _artifact(problem.path, ending), **region}
        notification["locations"] = [{"physicalLocation": place}]
    return notification


def _notification(level: str, message: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": _without_links(text(message))}}


def _without_links(message: str) -> str:
    """`[text](target)` is a link in a SARIF message: what a user's module says is never one."""
    return re.sub(r"\](?=\()", r"\\]", message)
