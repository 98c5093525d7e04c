"""The wrong backward of each page gets the page's code, and the mended one passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.checking.options import Silent
from gradcheck_cli.isolation.apart import Apart, Workers
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.codes import RULES
from gradcheck_cli.report.model import Report
from tests.thorough import each

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

WITHOUT_EXAMPLE = frozenset({"GC500"})
"""A mistake of our own."""

NEED_STRESS = frozenset({"GC403"})
"""Right at moderate inputs."""

NEED_A_WORKER = frozenset({"GC504", "GC505"})
"""Wrong so that it would hang this process, or end it."""


def checked(path: Path, code: str, *, apart: bool = False) -> Report:
    options = CheckOptions(InputOptions(draws=2), Settings(stress=code in NEED_STRESS, shrink=False))
    if not apart:
        return check_targets([Target(path)], options)
    with Apart(Workers(seconds=2)) as workers:
        return workers.check([Target(path)], options, Silent())


def test_there_are_no_examples_of_other_rules() -> None:
    expected = {f"{code.lower()}.py" for code in RULES.keys() - WITHOUT_EXAMPLE}
    for folder in ("rules", "mended"):
        assert {path.name for path in (EXAMPLES / folder).glob("*.py")} == expected


@pytest.mark.parametrize("code", sorted(RULES.keys() - WITHOUT_EXAMPLE))
def test_the_wrong_one_gets_the_code_and_no_other(code: str) -> None:
    report = checked(EXAMPLES / "rules" / f"{code.lower()}.py", code, apart=code in NEED_A_WORKER)
    assert report.findings and not report.passed
    assert {finding.code for finding in report.findings} == {code}


@pytest.mark.parametrize("code", each(2, sorted(RULES.keys() - WITHOUT_EXAMPLE)))
def test_the_mended_one_passes(code: str) -> None:
    report = checked(EXAMPLES / "mended" / f"{code.lower()}.py", code)
    assert report.passed, report.findings


@pytest.mark.parametrize("code", sorted(RULES.keys() - WITHOUT_EXAMPLE))
def test_its_lines_fit_a_terminal_of_80_columns(code: str) -> None:
    for folder in ("rules", "mended"):
        lines = (EXAMPLES / folder / f"{code.lower()}.py").read_text(encoding="utf-8").splitlines()
        assert max(map(len, lines)) <= 76
