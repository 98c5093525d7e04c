"""The documentation keeps its word: links lead somewhere, commands parse, codes exist, and examples do what is said."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.cli.application import application
from gradcheck_cli.layers.targets import parse
from gradcheck_cli.report.codes import RULES

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
COMMAND = re.compile(r"^(?:\$ |    )?(?:.*&& )?(?P<command>gradcheck (?:run|list|explain|diff|inspect)\b.*)$", re.M)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def make() -> ModuleType:
    """docs/make.py, which is no module of a package."""
    specification = importlib.util.spec_from_file_location("make", ROOT / "docs" / "make.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, by GitHub's rules."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text_of(page), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    broken = []
    for link in LINK.finditer(re.sub(r"^```.*?^```", "", text_of(page), flags=re.M | re.S)):
        target, _, anchor = link["target"].partition("#")
        if re.match(r"\w+:", target):
            continue
        found = page.parent / target if target else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(link["target"])
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    assert not broken_links(page)


def test_a_link_that_leads_nowhere_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](page.md#one-two) [b](page.md#three) [c](missing.md) [d](https://example.org/x)\n")
    assert broken_links(page) == ["page.md#three", "missing.md"]


def commands(page: Path) -> list[str]:
    """The `gradcheck` commands that a page shows, without patterns such as `run PATHS...` and `explain CODE`."""
    shown = [match["command"] for match in COMMAND.finditer(text_of(page))]
    return [command for command in shown if not re.search("PATHS|CODE|BEFORE|TARGET", command)]


def complaint(command: str) -> str:
    """Why a command line is refused, "" where it is taken."""
    _, name, *rest = shlex.split(command)
    subcommand = get_command(application).commands[name]  # type: ignore[attr-defined]
    try:
        context = subcommand.make_context(name, rest)
    except Exception as error:
        return str(getattr(error, "message", error))
    if (rule := context.params.get("rule")) is not None:
        return f"no such rule: {rule}" if rule.startswith("GC") and rule not in RULES else ""
    missing = [path for path in (context.params.get("paths") or ()) if not (ROOT / parse(path)[0]).exists()]
    return f"no such file: {missing[0]}" if missing else ""


def test_every_command_parses_and_names_a_file_that_is_there():
    shown = [command for page in PAGES for command in commands(page)]
    assert len(shown) >= 15
    refused = {command: why for command in shown if (why := complaint(command))}
    assert not refused


def test_a_command_with_an_unknown_option_or_file_is_seen():
    assert "--ful" in complaint("gradcheck run fixtures/mylayer.py --ful")
    assert "elsewhere.py" in complaint("gradcheck list fixtures/elsewhere.py")
    assert "GC999" in complaint("gradcheck explain GC999")


def test_every_option_is_described():
    page = text_of(ROOT / "docs" / "run.md")
    run = get_command(application).commands["run"]  # type: ignore[attr-defined]
    options = {name for parameter in run.params for name in parameter.opts if name.startswith("--")} - {"--help"}
    assert "--max-evals" in options
    assert not {option for option in options if f"`{option}" not in page}


def test_rules_page_has_every_code_and_its_name():
    page = text_of(ROOT / "docs" / "rules.md")
    assert dict(re.findall(r"^## (GC\d{3}) (\S+)$", page, re.M)) == dict(RULES)


def test_rules_page_shows_the_pages_themselves():
    made = make()
    shown = list(made.PAGE.finditer(text_of(ROOT / "docs" / "rules.md")))
    assert [Path(match["path"]).stem.upper() for match in shown] == list(RULES)
    assert not [match["path"] for match in shown if match["body"] != made.section(match["path"])], (
        "run `python docs/make.py`"
    )


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "examples" / "conventions").glob("*.py")), ids=lambda p: p.stem
)
def test_the_examples_of_conventions_pass(path):
    report = check_targets([Target(path)], CheckOptions())
    assert report.passed, report.findings


def test_shown_files_are_the_files_themselves():
    made = make()
    blocks = [(page.name, match) for page in made.pages() for match in made.BLOCK.finditer(text_of(page))]
    files = [(name, match) for name, match in blocks if match["key"] == "file"]
    assert len(files) >= 15
    stale = [f"{name}: {match['value']}" for name, match in files if match["body"] != made.part_of_file(match["value"])]
    assert not stale, "run `python docs/make.py`"


def test_a_block_in_which_only_the_times_differ_is_kept():
    made = make()
    page = "```console\n$ echo {} 1 passed, 2.50 s\n{} 1 passed, {} s\n```\n"
    busy = page.format("a", "a", "9.99")
    assert made.filled(busy) == busy
    assert made.filled(busy, times=True) == page.format("a", "a", "2.50")
    assert made.filled(page.format("a", "b", "9.99") + busy) == page.format("a", "a", "2.50") + busy


def test_readme_and_ci_run_the_same_test_command():
    (shown,) = re.findall(r"^(pip install .*pytest.*)$", text_of(README), re.M)
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    install, test = shown.split(" && ")
    assert install in lines
    assert test in lines


def test_hooks_use_the_versions_of_the_project():
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    allowed = {*project["dependencies"], *project["optional-dependencies"]["dev"]}
    hooks = text_of(ROOT / ".pre-commit-config.yaml")
    used = set(re.findall(r"\b((?:ruff|mypy|jax|numpy|rich|typer|types-jsonschema)[>=<][^\s\"\]]*)", hooks))
    assert {re.split("[><=]", item)[0] for item in used} >= {"ruff", "mypy", "jax", "numpy", "rich", "typer"}
    assert used <= allowed
