"""`--help` is quick because of what it does not import; a clock would only tell on a quiet machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import ROOT, environment
from tests.report import reports
from tests.saved import runs

HEAVY = {"jax", "jaxlib", "numpy", "textual", "gradcheck_cli.checking", "gradcheck_cli.report.model", "rich.markdown"}


def imported(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.split("\n") if line.startswith("import time:")}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("run", "--help"),
        ("list", "--help"),
        ("explain", "--help"),
        ("diff", "--help"),
        ("inspect", "--help"),
    ],
)
def test_help_imports_no_engine(arguments: tuple[str, ...]) -> None:
    modules = imported("-m", "gradcheck_cli", *arguments)
    assert "gradcheck_cli.cli.run" in modules
    assert modules & HEAVY == set()


@pytest.mark.parametrize("arguments", [("explain", "GC209"), ("explain", "--list")])
def test_a_rule_is_explained_without_an_engine(arguments: tuple[str, ...]) -> None:
    modules = imported("-m", "gradcheck_cli", *arguments)
    assert "gradcheck_cli.explain.page" in modules
    assert modules & {"jax", "jaxlib", "numpy", "gradcheck_cli.checking"} == set()


def test_two_saved_runs_are_compared_without_jax(tmp_path: Path) -> None:
    saved = str(runs.save(tmp_path / "run.npz"))
    modules = imported("-m", "gradcheck_cli", "diff", saved, saved)
    assert "gradcheck_cli.saved.comparing" in modules
    assert modules & {"jax", "jaxlib", "ml_dtypes", "gradcheck_cli.checking", "gradcheck_cli.judge"} == set()


def test_a_saved_run_is_read_out_without_jax_and_without_screens(tmp_path: Path) -> None:
    saved = str(runs.save(tmp_path / "run.npz", reports.passing_report(), ()))
    modules = imported("-m", "gradcheck_cli", "inspect", saved, "--no-tui")
    assert "gradcheck_cli.inspector.plain.pager" in modules
    engine = {"gradcheck_cli.checking", "gradcheck_cli.isolation", "gradcheck_cli.judge", "gradcheck_cli.layers"}
    assert modules & {"jax", "jaxlib", "ml_dtypes", "textual", *engine} == set()


def test_the_package_itself_imports_nothing_heavy() -> None:
    assert imported("-c", "import gradcheck_cli") & HEAVY == set()


def test_a_wrong_option_is_told_without_jax() -> None:
    code = "import sys; sys.argv = ['gradcheck', 'run', 'x.py', '--draws', '0']; from gradcheck_cli.cli import main\n"
    code += "try: main()\nexcept SystemExit: pass"
    assert "jax" not in imported("-c", code)


def test_the_public_names_are_there_when_asked_for() -> None:
    import gradcheck_cli

    assert set(gradcheck_cli.__all__) <= set(dir(gradcheck_cli))
    assert all(hasattr(gradcheck_cli, name) for name in gradcheck_cli.__all__)
    with pytest.raises(AttributeError, match="no attribute 'chek'"):
        gradcheck_cli.chek  # noqa: B018
