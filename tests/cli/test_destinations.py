from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.cli.destinations import Destination, Destinations, files, leniently
from gradcheck_cli.cli.values import Given
from gradcheck_cli.errors import UserError
from gradcheck_cli.report.formats import FORMATS, SUFFIXES

HERE = Path.cwd()


def told(*entries: str) -> list[tuple[str, str]]:
    return [(found.format, str(found.path.relative_to(HERE))) for found in files(Given("output", list(entries)))]


@pytest.mark.parametrize(
    ("entry", "format_", "path"),
    [
        ("report.json", "json", "report.json"),
        ("report.jsonl", "jsonl", "report.jsonl"),
        ("results.xml", "junit", "results.xml"),
        ("a/b.sarif", "sarif", "a/b.sarif"),
        ("gradcheck.sarif.json", "sarif", "gradcheck.sarif.json"),
        ("README.MD", "markdown", "README.MD"),
        ("page.html", "html", "page.html"),
        ("page.htm", "html", "page.htm"),
        ("report.txt", "table", "report.txt"),
        ("junit=results", "junit", "results"),
        ("json=report.txt", "json", "report.txt"),
        ("concise=a=b.txt", "concise", "a=b.txt"),
        ("github=log", "github", "log"),
        ("./seed=3.json", "json", "seed=3.json"),
        ("out/seed=3.json", "json", "out/seed=3.json"),
    ],
)
def test_the_suffix_says_the_format_unless_it_is_said(entry: str, format_: str, path: str) -> None:
    assert told(entry) == [(format_, path)]


def test_every_suffix_names_a_format() -> None:
    assert set(SUFFIXES.values()) <= set(FORMATS)
    for suffix, format_ in SUFFIXES.items():
        assert told(f"x{suffix}") == [(format_, f"x{suffix}")]


@pytest.mark.parametrize(
    ("entry", "message", "mend"),
    [
        ("report.pdf", "is `report.pdf`, and its suffix names no format", "--output json=report.pdf"),
        ("report", "is `report`, and its suffix names no format", "--output json=report"),
        (".json", "is `.json`, and its suffix names no format", "--output json=.json"),
        ("juni=results.xml", "`juni` is no format", "--output junit=results.xml"),
        ("pdf=results.xml", "`pdf` is no format", "table, concise, json"),
        ("json=", "names no file", "--output report.json"),
        ("", "names no file", "--output report.json"),
        ("a\0b.json", "names no file", "--output report.json"),
    ],
)
def test_what_is_not_known_is_refused_with_a_mend(entry: str, message: str, mend: str) -> None:
    with pytest.raises(UserError) as refused:
        files(Given("output", [entry]))
    assert message in refused.value.message
    assert mend in (refused.value.mend or "")


def test_one_file_gets_one_report() -> None:
    with pytest.raises(UserError, match=r"names `a\.json` twice"):
        files(Given("output", ["a.json", "sarif=./a.json"]))


@pytest.mark.parametrize("value", ["a.json", ["a.json"]])
def test_a_configuration_may_hold_one_or_a_list(value: object) -> None:
    found = files(Given("output", value, Path("pyproject.toml"), 3))
    assert found == (Destination("json", HERE / "a.json"),)


@pytest.mark.parametrize("value", [3, [3], {"json": "a.json"}, True])
def test_and_nothing_else(value: object) -> None:
    with pytest.raises(UserError) as refused:
        files(Given("output", value, Path("pyproject.toml"), 3))
    assert (refused.value.line, refused.value.mend) == (3, 'output = ["report.json"]')


def test_what_was_asked_for_is_known_as_far_as_it_can_be_understood() -> None:
    configured = {"format": Given("format", "json"), "output": Given("output", ["a.json"])}
    files_ = (Destination("json", HERE / "a.json"),)
    assert leniently() == Destinations()
    assert leniently(configured) == Destinations("json", files_)
    assert leniently(configured, {"format": Given("format", "sarif")}) == Destinations("sarif", files_)
    assert leniently(configured, {"format": Given("format", "yaml")}) == Destinations("json", files_)
    assert leniently(configured, {"output": Given("output", ["b.pdf"])}) == Destinations("json", files_)
