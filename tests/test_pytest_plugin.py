"""`pytest --gradcheck` in a pytest of its own, as its users start it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.command import environment

LAYERS = '''
import numpy as np


def good_forward(x):
    """x: (N, D)"""
    return x * x, x


def good_backward(dout, cache):
    return 2 * cache * dout


def bad_forward(x):
    """x: (N, D)"""
    return x * x * x, x


def bad_backward(dout, cache):
    return cache * cache * dout


class Crashes:
    def forward(self, x):
        """x: (N, D)"""
        import os
        os._exit(3)

    def backward(self, dout):
        return dout
'''

TESTS = """
import pytest
from gradcheck_cli import assert_gradients


def square(x): return x * x, x
def right(dout, x): return 2 * x * dout
def wrong(dout, x): return x * dout


def test_fixture(gradcheck):
    assert gradcheck(square, right, {"x": "N,D"}, draws=1).passed


def test_wrong():
    with pytest.raises(AssertionError, match="(?s)GC202 constant-factor: your `dx` is 1/2 times the gradient.*yours"):
        assert_gradients(square, wrong, {"x": "N,D"}, draws=1)


def test_shown():
    assert_gradients(square, wrong, {"x": "N,D"}, draws=1)
"""


def run(folder: Path, *arguments: str, code: int) -> str:
    env = environment(GRADCHECK_NO_CACHE="", GRADCHECK_CACHE_DIR=str(folder / "kept"), PYTEST_ADDOPTS="")
    env = {key: value for key, value in env.items() if not key.startswith("PYTEST_XDIST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").write_text("[tool.gradcheck]\ndraws = 1\nshrink = false\n[tool.pytest.ini_options]\n")
    (folder / "src").mkdir()
    (folder / "src" / "layers.py").write_text(LAYERS)
    (folder / "src" / "plain.py").write_text("raise RuntimeError('it holds no layer, so nobody imports it')\n")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_own.py").write_text(TESTS)
    return folder


@pytest.fixture(scope="module")
def first(project: Path) -> str:
    """A run over everything; verdicts are kept for those that follow."""
    return run(project, "--gradcheck", "-v", "--junitxml=out.xml", code=1)


def test_each_layer_is_a_test(first: str) -> None:
    said = dict(re.findall(r"^(\S+::\S+) (PASSED|FAILED)", first, re.M))
    assert said == {
        "src/layers.py::good": "PASSED",
        "src/layers.py::bad": "FAILED",
        "src/layers.py::Crashes": "FAILED",
        "tests/test_own.py::test_fixture": "PASSED",
        "tests/test_own.py::test_wrong": "PASSED",
        "tests/test_own.py::test_shown": "FAILED",
    }


def test_a_failure_is_the_report_without_a_traceback_of_ours(first: str) -> None:
    section = first[first.index("gradcheck bad") : first.index("gradcheck Crashes")]
    assert "GC202 constant-factor" in section
    assert "index" in section
    assert "autodiff" in section
    assert "src/layers.py:19" in section
    assert not re.search(r"pytest_plugin|apart\.py|Traceback", first)
    assert re.search(r"^FAILED src/layers.py::bad - GC202 constant-factor: your `dx`", first, re.M)
    assert re.search(r"^FAILED src/layers.py::Crashes - GC505 crash: `Crashes` ended its process", first, re.M)
    assert re.search(r"^FAILED tests/test_own.py::test_shown - AssertionError: GC202 constant-factor", first, re.M)


def test_junit_has_each_layer(first: str, project: Path) -> None:
    assert first
    cases = ElementTree.parse(project / "out.xml").getroot().iter("testcase")
    failed = {case.get("name"): case.find("failure") is not None for case in cases}
    assert failed["good"] is False
    assert failed["bad"] is True


def test_selection_by_name_file_and_last_failure(first: str, project: Path) -> None:
    assert first
    assert "1 passed" in run(project, "--gradcheck", "src", "-k", "good", code=0)
    assert "1 passed" in run(project, "--gradcheck", "src/layers.py::good", code=0)
    assert "3 deselected" in run(project, "--gradcheck", "-m", "gradcheck and not gradcheck", "src", code=5)
    stopped = run(project, "--gradcheck", "src", "-x", "-k", "good or bad", code=1)
    assert "1 failed, 1 passed" in stopped
    again = run(project, "--gradcheck", "src", "--lf", "-k", "good or bad", code=1)
    assert "1 failed" in again
    assert "passed" not in again


def test_under_xdist(first: str, project: Path) -> None:
    assert first
    assert "1 failed, 1 passed" in run(project, "--gradcheck", "src", "-n", "2", "-k", "good or bad", code=1)


def test_options_are_those_of_the_command(project: Path) -> None:
    for wrong, words in (("--drams 3", "No such option"), ("--draws many", "draws"), ("--draws 0", "at least 1")):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--gradcheck", "src", f"--gradcheck-args={wrong}"],
            cwd=project,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 4
        assert "--gradcheck:" in done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_it_costs_nothing_when_it_is_not_asked_for(project: Path) -> None:
    code = (
        "import sys, pytest\n"
        "pytest.main(['-q', '--collect-only', 'src', '-p', 'gradcheck_cli.pytest_plugin'])\n"
        "heavy = {'jax', 'numpy', 'rich', 'typer', 'psutil', 'gradcheck_cli'}\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in heavy))\n"
    )
    env = environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")  # other plugins may import anything
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, env=env, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.splitlines()[-1]
    assert loaded == "['gradcheck_cli', 'gradcheck_cli._version', 'gradcheck_cli.pytest_plugin']"
    assert "src/layers.py" not in done.stdout


def test_a_module_that_does_not_load_is_an_error_of_collection(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def affine_backward(:\n")
    shown = run(tmp_path, "--gradcheck", ".", code=2)
    assert "GC501 cannot-load" in shown
    assert "broken.py:1" in shown
    assert os.sep + "gradcheck_cli" not in shown
