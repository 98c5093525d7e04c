"""The scripts of failing layers by themselves: each fails beside the wrong module, and passes beside the right one.

A few here; `GRADCHECK_SCRIPTS=100 pytest tests/end_to_end/test_scripts.py` takes a hundred, as
`python benchmarks/scripts.py` does.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.detection.planted import ZOO
from benchmarks.scripts import candidates, outcome, run
from gradcheck_cli.checking import CheckOptions, Target, check_targets, find_layers
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from tests.thorough import THOROUGH, each

SAMPLE = int(os.environ.get("GRADCHECK_SCRIPTS", "3"))
FEW = [path for path in ZOO if not path.stem.startswith("jax_")][::7]
"""Modules of which a few bugs are drawn: making the mutants of all takes longer than checking three."""

UNSTABLE = Path(__file__).parents[2] / "fixtures" / "unstable"
BROKEN = Path(__file__).parents[2] / "fixtures" / "broken"

PAIR = """
import numpy as np

def scale_forward(x, w):
    \"\"\"
    - x: of shape (N, D)
    - w: of shape (D,)
    \"\"\"
    return x * w, (x, w)

def scale_backward(dout, cache):
    x, w = cache
    return dout * w, RETURNED
"""
WRONG, RIGHT = "(dout * x).mean(axis=0)", "(dout * x).sum(axis=0)"


@pytest.mark.skipif(not THOROUGH and SAMPLE == 3, reason="those of fixtures are asked below")
def test_scripts_of_the_zoo_tell_wrong_from_right() -> None:
    said = {}
    for bug in candidates(0, ZOO if SAMPLE > 20 else FEW):
        found = outcome(bug)
        if found.said != "not found":
            said[bug.name] = found.said
        if len(said) == SAMPLE:
            break
    assert set(said.values()) == {"fine"}, {name: what for name, what in said.items() if what != "fine"}


@pytest.mark.parametrize("name", each(2, ["structure", "static_pairs", "jax_custom_rules", "textbook"]))
def test_scripts_of_fixtures_fail_their_assertion(name: str) -> None:
    path = BROKEN / f"{name}.py"
    names = [layer.name for _, layer in find_layers([Target(path)]).layers]
    targets = [Target(path, name) for name in itertools.islice(names, 0, None, 5)]
    report = check_targets(targets, CheckOptions(InputOptions(draws=1), Settings(diagnose=False)))
    scripts = {layer.name: layer.script for layer in report.layers if layer.script}
    assert len(scripts) >= len(targets) - 1
    for layer, script in scripts.items():
        done = run(script)
        assert done.stderr.strip().splitlines()[-1].startswith("AssertionError"), (layer, script, done.stderr)


@pytest.mark.parametrize(
    ("layer", "mend"),
    [
        ("softmax", ("e = np.exp(x)", "e = np.exp(x - x.max(axis=1, keepdims=True))")),
        ("sigmoid", ("    e = np.exp(x)\n    return dout", "    e = np.exp(-abs(x))\n    return dout")),
    ],
)
def test_an_instability_is_shown_at_its_own_inputs(tmp_path: Path, layer: str, mend: tuple[str, str]) -> None:
    source = (UNSTABLE / "numpy_layers.py").read_text()
    module = tmp_path / "unstable.py"
    module.write_text(source)
    options = CheckOptions(settings=Settings(stress=True))
    (report,) = check_targets([Target(module, layer)], options).layers
    assert len(report.script.splitlines()) <= 10
    assert run(report.script).stderr.splitlines()[-1].startswith("AssertionError"), report.script
    module.write_text(source.replace(*mend))
    assert run(report.script).returncode == 0, report.script


@pytest.mark.parametrize(
    ("module", "layer", "settings"),
    [
        ("broken/contracts.py", "stack", Settings()),
        ("broken/contracts.py", "counted", Settings()),
        ("broken/contracts.py", "once", Settings()),
        ("broken/contracts_layouts.py", "square", Settings()),
        ("broken/contracts_layouts.py", "narrow", Settings()),
        ("derivatives/second_order.py", "cube", Settings(order=2)),
        ("derivatives/compiled.py", "two_ways", Settings()),
        ("derivatives/compiled.py", "branching", Settings(vmap=True)),
        ("derivatives/forward_mode.py", "added_constant", Settings()),
        ("broken/straight_through.py", "doubled", Settings()),
    ],
)
def test_what_is_no_matter_of_one_value_is_shown_too(module: str, layer: str, settings: Settings) -> None:
    target = Target(BROKEN.parent / module, layer)
    (report,) = check_targets([target], CheckOptions(settings=settings)).layers
    assert 0 < len(report.script.splitlines()) <= 10, report.findings
    done = run(report.script)
    assert done.stderr.strip().splitlines()[-1].startswith("AssertionError"), (report.script, done.stderr)


def test_a_script_is_what_the_command_prints(tmp_path: Path) -> None:
    """Copied from the screen, however narrow it is, into a file in the folder where the command was run."""
    module = tmp_path / "layers.py"
    module.write_text(PAIR.replace("RETURNED", WRONG))
    command = [Path(sys.executable).with_name("gradcheck"), "run", "layers.py"]
    environment = {**os.environ, "COLUMNS": "60"}
    shown = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert shown.returncode == 1
    lines = shown.stdout.splitlines()
    first = next(k for k, line in enumerate(lines) if line.startswith("import "))
    last = next(k for k, line in enumerate(lines) if line.startswith("assert "))
    assert last - first < 10
    (tmp_path / "script.py").write_text("\n".join(lines[first : last + 1]))

    def reproduced() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "sys.path" not in shown.stdout
    wrong = reproduced()
    assert wrong.returncode == 1
    assert wrong.stderr.splitlines()[-1].startswith("AssertionError: dw[0] is ")
    module.write_text(PAIR.replace("RETURNED", RIGHT))
    assert reproduced().returncode == 0
