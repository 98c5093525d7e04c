"""The examples of docs/ci.md are what GitHub and GitLab take, and their commands are what gradcheck takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from gradcheck_cli.cli.application import application
from gradcheck_cli.cli.destinations import files
from gradcheck_cli.cli.values import Given
from gradcheck_cli.report.formats import FORMATS
from tests.published_schemas import GITHUB_WORKFLOW, GITLAB_CI, complaints

PAGE = (Path(__file__).parents[1] / "docs" / "ci.md").read_text(encoding="utf-8")
GITHUB, GITLAB = [yaml.load(text, yaml.BaseLoader) for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)]
"""`BaseLoader`: every value a string, so that the key `on` is not taken for true."""


def commands(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        if node.startswith("gradcheck "):
            yield node
    else:
        for part in node.values() if isinstance(node, dict) else node:
            yield from commands(part)


def options(command: str) -> dict[str, Any]:
    _, name, *rest = shlex.split(command)
    return get_command(application).commands[name].make_context(name, rest).params  # type: ignore[attr-defined]


def written(command: str) -> dict[str, str]:
    return {found.path.name: found.format for found in files(Given("output", options(command)["output"]))}


def test_github_takes_the_workflow() -> None:
    assert complaints(GITHUB_WORKFLOW, GITHUB) == []


def test_gitlab_takes_the_job() -> None:
    assert complaints(GITLAB_CI, GITLAB) == []


@pytest.mark.parametrize("wrong", [{"jobs": {"x": {"steps": []}}}, {**GITHUB, "permissions": {"pages": "maybe"}}])
def test_what_github_does_not_take_would_be_seen(wrong: Any) -> None:
    assert complaints(GITHUB_WORKFLOW, wrong) != []


def test_what_the_github_example_writes_is_what_it_hands_on() -> None:
    (command,) = commands(GITHUB)
    assert options(command)["format"] == "github"
    assert options(command)["format"] in FORMATS
    assert written(command) == {"gradcheck.sarif": "sarif", "gradcheck.md": "markdown", "gradcheck.html": "html"}
    steps = GITHUB["jobs"]["gradcheck"]["steps"]
    handed_on = " ".join(str(step) for step in steps if "always()" in step.get("if", ""))
    assert all(f"hashFiles('{name}')" in handed_on for name in written(command))
    uploads = {step["uses"].split("@")[0]: step["with"] for step in steps if "with" in step}
    assert uploads["github/codeql-action/upload-sarif"]["sarif_file"] == "gradcheck.sarif"


def test_what_the_gitlab_example_writes_is_what_it_hands_on() -> None:
    (command,) = commands(GITLAB)
    assert written(command) == {"gradcheck.xml": "junit", "gradcheck.html": "html"}
    artifacts = GITLAB["gradcheck"]["artifacts"]
    assert (artifacts["reports"]["junit"], artifacts["paths"]) == ("gradcheck.xml", ["gradcheck.html"])
