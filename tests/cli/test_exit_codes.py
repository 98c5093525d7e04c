from __future__ import annotations

import pytest

from gradcheck_cli.cli.exit_codes import ExitCode, exit_code
from tests.cli.command import gradcheck
from tests.report import reports


@pytest.mark.parametrize(
    ("name", "code", "strict"),
    [
        ("passing", 0, 0),
        ("failing", 1, 1),
        ("dimensions", 1, 1),
        ("inconclusive", 0, 1),
        ("error", 2, 2),
        ("mixed", 2, 2),
        ("empty", 0, 0),
        ("suppressed", 1, 1),
    ],
)
def test_exit_code_of_a_report(name: str, code: int, strict: int) -> None:
    assert exit_code(reports.ALL[name]) == code
    assert exit_code(reports.ALL[name], strict=True) == strict


def test_what_was_not_checked_outweighs_what_was_found() -> None:
    assert exit_code(reports.report(reports.mismatch(), reports.error())) is ExitCode.UNABLE


def test_no_layers_is_an_error_where_some_are_required() -> None:
    assert exit_code(reports.ALL["empty"], require_layers=True) is ExitCode.UNABLE
    assert exit_code(reports.ALL["passing"], require_layers=True) is ExitCode.PASSED


def test_the_status_that_is_left_decides_and_an_ignore_in_vain_is_for_the_strict() -> None:
    report = reports.report(reports.suppressed(reports.mismatch()))
    assert exit_code(report, strict=True) is ExitCode.PASSED
    vain = reports.report(reports.layer(), unused_ignores=reports.suppressed_report().unused_ignores)
    assert exit_code(vain) is ExitCode.PASSED
    assert exit_code(vain, strict=True) is ExitCode.FINDING


@pytest.mark.parametrize(
    ("engine", "options", "code"),
    [
        ("passing", [], 0),
        ("failing", [], 1),
        ("failing", ["--format", "json"], 1),
        ("failing_beside_an_error", [], 2),
        ("inconclusive", [], 0),
        ("inconclusive", ["--strict"], 1),
        ("empty", [], 0),
        ("empty", ["--require-layers"], 2),
        ("crashing", [], 2),
        ("no_device", [], 2),
        ("interrupted", [], 130),
    ],
)
def test_the_process_ends_with_it(engine: str, options: list[str], code: int) -> None:
    assert gradcheck("run", "x.py", *options, engine=engine).code == code


def test_inconclusive_warns_on_standard_error_where_it_is_let_pass() -> None:
    ended = gradcheck("run", "x.py", "--format", "json", engine="inconclusive")
    assert "warning: 1 layer inconclusive; `--strict` makes it a failure" in ended.err
    assert ended.json["summary"]["inconclusive"] == 1
    assert "warning" not in gradcheck("run", "x.py", "--strict", engine="inconclusive").err
