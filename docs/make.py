"""Runs what the documentation shows: fills in the output of every command and the text of every example file.

    python docs/make.py            rewrite README.md and docs/*.md
    python docs/make.py --check    say which of them are out of date, timings aside
    python docs/make.py --times    rewrite them with the times that it takes here: for an idle machine

A block of the kind `console` begins with `$ COMMAND`, which is run in the repository's root; what it prints, standard
error included, replaces the rest of the block, unless only the times in it differ. A comment on the line before a block
says more:

    <!-- lines: 1-8, 40-42 -->                 show these lines only, with an ellipsis between
    <!-- lines: 1-8, last 3 -->                the same, the last ones counted from the end
    <!-- file: docs/examples/x.py -->          the block holds this file
    <!-- file: docs/examples/x.py::f, g -->    only these functions, classes and variables of it

What stands between `<!-- page: PATH -->` and `<!-- end of page -->` is that page, as a section of this one.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"(?:^<!-- (?P<key>lines|file): (?P<value>.*?) -->\n)?^```(?P<kind>console|python)\n(?P<body>.*?)^```$", re.M | re.S
)
PAGE = re.compile(r"^<!-- page: (?P<path>\S+) -->\n(?P<body>.*?)^<!-- end of page -->$", re.M | re.S)
TIMES = re.compile(r"\d+(?:\.\d+)? s\b|\d+ ms\b|\btime=\"[\d.]+\"")


def pages() -> list[Path]:
    """The pages of rules, which others hold; README.md and the pages in docs/."""
    rules = sorted((ROOT / "gradcheck_cli" / "explain" / "pages").glob("*.md"))
    return [*rules, ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def filled(text: str, *, times: bool = False) -> str:
    """The page's text with all its blocks made anew; those where only the times differ stay, unless `times`."""

    def block(match: re.Match[str]) -> str:
        body = _body(match)
        if not times and TIMES.sub("", body) == TIMES.sub("", match["body"]):
            body = match["body"]
        return _head(match) + body + "```"

    return BLOCK.sub(block, PAGE.sub(_with_page, text))


def section(path: str) -> str:
    """A page as a section of another: its heading is one lower."""
    return f"#{(ROOT / path).read_text(encoding='utf-8')}"


def _with_page(match: re.Match[str]) -> str:
    return f"<!-- page: {match['path']} -->\n{section(match['path'])}<!-- end of page -->"


def part_of_file(told: str) -> str:
    """The text that `PATH` or `PATH::NAME, NAME` stands for."""
    path, _, names = told.partition("::")
    source = (ROOT / path).read_text(encoding="utf-8")
    if not names:
        return source
    lines, parts = source.splitlines(), []
    wanted = {name.strip() for name in names.split(",")}
    for node in ast.parse(source).body:
        if _name(node) in wanted:
            first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
            parts.append(((first, node.end_lineno or first), isinstance(node, ast.FunctionDef | ast.ClassDef)))
            wanted.discard(_name(node))
    if wanted:
        raise SystemExit(f"{path} defines no {', '.join(sorted(wanted))}")
    text = ""
    for position, ((first, last), is_definition) in enumerate(parts):
        apart = is_definition or (position > 0 and parts[position - 1][1])
        text += ("\n\n" if apart else "\n") * (position > 0) + "\n".join(lines[first - 1 : last]) + "\n"
    return text


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return getattr(node, "name", "")


def _head(match: re.Match[str]) -> str:
    return match[0][: match.start("body") - match.start()]


def _body(match: re.Match[str]) -> str:
    if match["key"] == "file":
        return part_of_file(match["value"])
    command = match["body"].partition("\n")[0]
    if match["kind"] != "console" or not command.startswith("$ "):
        return match["body"]
    output = _run(command[2:])
    if match["key"] == "lines":
        output = _chosen(output, match["value"])
    return "\n".join([command, *output]) + "\n"


def _run(command: str) -> list[str]:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "GRADCHECK_NO_CACHE": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    if "--cache" not in command.split():
        return _ran(command, environment)
    with tempfile.TemporaryDirectory() as folder:  # what is shown is the second run
        environment |= {"GRADCHECK_NO_CACHE": "", "GRADCHECK_CACHE_DIR": folder}
        _ran(command, environment)
        return _ran(command, environment)


def _ran(command: str, environment: Mapping[str, str]) -> list[str]:
    done = subprocess.run(
        shlex.split(command),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    # where the checkout lies is nobody's business
    output = done.stdout.replace(str(ROOT), "/home/you/gradcheck")
    return [line.rstrip() for line in output.rstrip().splitlines()]


def _chosen(output: list[str], told: str) -> list[str]:
    """The lines of `1-8, last 3`, counted from 1."""
    chosen: list[str] = []
    for item in told.split(","):
        if chosen:
            chosen.append("  ...")
        if item.strip().startswith("last "):
            chosen.extend(output[-int(item.strip().removeprefix("last ")) :])
        else:
            first, _, last = item.strip().partition("-")
            chosen.extend(output[int(first) - 1 : int(last or first)])
    return chosen


def main() -> int:
    """Rewrite the pages, with `--times` their times too; with `--check` only compare them."""
    checking, times = sys.argv[1:] == ["--check"], sys.argv[1:] == ["--times"]
    if sys.argv[1:] and not checking and not times:
        raise SystemExit(__doc__)
    stale = 0
    for page in pages():
        if not page.exists():
            continue
        text = page.read_text(encoding="utf-8")
        new = filled(text, times=times)
        if new == text:
            continue
        stale += 1
        print(f"{'out of date' if checking else 'written'}: {page.relative_to(ROOT)}")
        if not checking:
            page.write_text(new, encoding="utf-8")
    return stale if checking else 0


if __name__ == "__main__":
    sys.exit(main())
