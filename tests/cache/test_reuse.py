"""A verdict is reused while nothing that it depends on has changed, and not a moment longer."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from gradcheck_cli.cache.folder import Folder
from gradcheck_cli.cache.store import Store
from gradcheck_cli.checking import CheckOptions, Target
from gradcheck_cli.checking.options import Silent
from gradcheck_cli.isolation.apart import Apart, Workers
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Report, Status
from tests.cli.command import environment, gradcheck

OPTIONS = CheckOptions(InputOptions(draws=1))

SCALE = '''
def scale_forward(x):
    """x: (N, D)"""
    return factor() * x, x


def scale_backward(dout, cache):
    return 2 * dout
'''

FILES = {
    "layers.py": "import numpy as np\nfrom helper import factor\nimport elsewhere\n"
    "np.loadtxt(__file__.replace('layers.py', 'table.txt'))\n" + SCALE,
    "helper.py": "from deeper import factor\n",
    "deeper.py": "def factor():\n    import late\n    return late.two\n",
    "late.py": "two = 2\n",
    "elsewhere.py": "",
    "table.txt": "1 2 3\n",
    # each of these depends on something else
    "computed.py": "import importlib\nfactor = importlib.import_module('la' + 'ter').factor\n" + SCALE,
    "later.py": "def factor(): return 2\n",
    "lists.py": "import os\nnames = os.listdir(os.path.dirname(__file__))\ndef factor(): return 2\n" + SCALE,
    "absent.py": "try:\n    open(__file__.replace('absent.py', 'settings.txt')).read()\nexcept OSError:\n    pass\n"
    "def factor(): return 2\n" + SCALE,
    "commands.py": "import subprocess\ndef factor():\n    subprocess.run(['true'])\n    return 2\n" + SCALE,
    "shells.py": "import os\ndef factor():\n    os.system('true')\n    return 2\n" + SCALE,
    "connects.py": "import socket\ndef factor():\n    s = socket.socket()\n    s.settimeout(0.1)\n"
    "    s.connect_ex(('127.0.0.1', 9))\n    s.close()\n    return 2\n" + SCALE,
    "raises.py": "def factor(): raise ValueError\n" + SCALE,
    "exits.py": "import os\ndef factor(): os._exit(1)\n" + SCALE,
    "two_layers.py": "def one_forward(x): return x, x\ndef one_backward(d, c): return d\n"
    "def two_forward(x): return 2 * x, x\ndef two_backward(d, c): return 3 * d\n",
    "no_layer.py": "def loss_backward_of_nothing(): pass\n",
}


def settle(folder: Path) -> None:
    """A file that has just been written may be written again within the clock's grain: wait until none has."""
    latest = max(file.stat().st_mtime for file in folder.iterdir())
    while time.time() <= latest + 0.02:
        time.sleep(0.01)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A project, all of whose layers were checked once; the cache is beside it."""
    folder = tmp_path_factory.mktemp("reuse") / "project"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content)
    settle(folder)
    return folder, run([Target(folder)], folder)


@pytest.fixture
def project(checked: tuple[Path, Report]) -> Path:
    return checked[0]


def store_of(folder: Path, options: CheckOptions = OPTIONS) -> Store:
    return Store(Folder.open(folder.parent / "cache"), options)


def run(targets: list[Target], folder: Path) -> Report:
    with Apart(Workers()) as apart:
        report = apart.check(targets, OPTIONS, Silent(), store_of(folder))
        assert (apart._pool is None) == all(layer.cached for layer in report.layers)
    return report


def known(folder: Path, name: str = "layers.py", options: CheckOptions = OPTIONS) -> Mapping[str, LayerReport] | None:
    held = store_of(folder, options).known(folder / name)
    return None if held is None else held[1]


def test_a_verdict_that_is_known_is_the_one_that_was_given(checked: tuple[Path, Report]) -> None:
    folder, report = checked
    first = {Path(layer.path).name: layer for layer in report.layers}["layers.py"]
    held = known(folder)
    assert held is not None
    assert (first.cached, held["scale"].cached) == (False, True)
    assert (first.status, held["scale"].status) == (Status.PASS, Status.PASS)
    assert held["scale"].sensitivity == first.sensitivity
    (again,) = run([Target(folder / "layers.py")], folder).layers
    assert again.cached


@pytest.mark.parametrize("name", ["layers.py", "helper.py", "deeper.py", "late.py", "elsewhere.py", "table.txt"])
@pytest.mark.parametrize("change", ["edited", "removed"])
def test_a_change_anywhere_below_it_is_seen(project: Path, name: str, change: str) -> None:
    kept = (project / name).read_text()
    try:
        if change == "edited":
            (project / name).write_text(kept + "# \n")
        else:
            (project / name).unlink()
        assert known(project) is None
    finally:
        (project / name).write_text(kept)
    assert known(project) is not None


def test_a_change_elsewhere_is_none_of_its_affair(project: Path) -> None:
    (project / "new.txt").write_text("")
    (project / "later.py").touch()
    (project / "layers.py").touch()
    try:
        assert known(project) is not None
    finally:
        (project / "new.txt").unlink()


def test_what_is_imported_by_a_computed_name_is_a_dependency(project: Path) -> None:
    assert known(project, "computed.py") is not None
    (project / "later.py").write_text("def factor(): return 3\n")
    try:
        assert known(project, "computed.py") is None
    finally:
        (project / "later.py").write_text(FILES["later.py"])


def test_a_listed_folder_and_a_missing_file_are_dependencies(project: Path) -> None:
    assert known(project, "lists.py") is not None
    assert known(project, "absent.py") is not None
    (project / "settings.txt").write_text("")
    try:
        assert known(project, "lists.py") is None
        assert known(project, "absent.py") is None
    finally:
        (project / "settings.txt").unlink()


@pytest.mark.parametrize("name", ["commands.py", "shells.py", "connects.py"])
def test_what_depends_on_more_than_files_is_not_kept(checked: tuple[Path, Report], name: str) -> None:
    folder, report = checked
    assert next(layer for layer in report.layers if Path(layer.path).name == name).status is Status.PASS
    assert known(folder, name) is None


@pytest.mark.parametrize("name", ["raises.py", "exits.py"])
def test_what_was_not_judged_is_not_kept(checked: tuple[Path, Report], name: str) -> None:
    folder, report = checked
    assert next(layer for layer in report.layers if Path(layer.path).name == name).status is Status.ERROR
    assert not known(folder, name)


def test_each_layer_of_a_module_is_kept_and_failures_are_too(project: Path) -> None:
    held = known(project, "two_layers.py")
    assert held is not None
    assert {name: report.status for name, report in held.items()} == {"one": Status.PASS, "two": Status.FAIL}
    assert held["two"].findings[0].code == "GC202"


def test_a_module_without_layers_is_known_too(project: Path) -> None:
    assert known(project, "no_layer.py") == {}


@pytest.mark.parametrize(
    "other",
    [
        CheckOptions(InputOptions(draws=1, seed=1)),
        CheckOptions(InputOptions(draws=1, dimensions={"N": 3})),
        CheckOptions(InputOptions(draws=1, dtype="float32")),
        CheckOptions(InputOptions(draws=1), device="gpu"),
    ],
)
def test_other_options_know_nothing_of_it(project: Path, other: CheckOptions) -> None:
    assert known(project, options=other) is None


def test_other_circumstances_know_nothing_of_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "3")
        assert known(project) is None
    with monkeypatch.context() as patch:
        patch.chdir(project)
        assert known(project) is None
    with monkeypatch.context() as patch:
        patch.setattr("gradcheck_cli.cache.store.__version__", "0.0.0")
        assert known(project) is None
    with monkeypatch.context() as patch:  # an upgrade
        real = Path.is_dir
        patch.setattr(Path, "is_dir", lambda path: not path.name.startswith("numpy-") and real(path))
        assert known(project) is None
    assert known(project) is not None


def test_a_file_that_changed_while_it_was_checked_is_not_kept(project: Path) -> None:
    store = store_of(project)
    held = store.known(project / "layers.py")
    assert held is not None
    found, reports = held
    assert found.depends is not None
    elsewhere = Store(Folder.open(project.parent / "other"), OPTIONS)
    moment = (project / "late.py").stat().st_mtime
    elsewhere.keep(project / "layers.py", found, reports, found.depends, since=moment)
    assert elsewhere.known(project / "layers.py") is None
    elsewhere.keep(project / "layers.py", found, reports, found.depends, since=time.time())
    assert elsewhere.known(project / "layers.py") is not None


def test_the_command_reuses_says_so_and_imports_no_jax(project: Path, tmp_path: Path) -> None:
    env = {"GRADCHECK_NO_CACHE": "", "GRADCHECK_CACHE_DIR": str(tmp_path / "kept")}
    arguments = ("run", str(project / "layers.py"), "--draws", "1")
    assert "earlier run" not in gradcheck(*arguments, env=env).out
    second = gradcheck(*arguments, env=env)
    assert second.code == 0
    assert "1 verdict of an earlier run" in second.out
    assert gradcheck(*arguments, "--format", "json", env=env).json["layers"][0]["cached"] is True
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gradcheck_cli", *arguments],
        env=environment(**env),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "gradcheck_cli.cache.store" in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.endswith((" jax", " psutil", " scipy"))]
    assert "earlier run" not in gradcheck(*arguments, "--no-cache", env=env).out
    assert "1 file removed" in gradcheck("cache", "clear", env=env).out
    assert "empty" in gradcheck("cache", "info", env={"GRADCHECK_CACHE_DIR": str(tmp_path / "nowhere")}).out


def test_a_folder_that_others_can_write_to_is_not_used_and_told(project: Path, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    env = {"GRADCHECK_NO_CACHE": "", "GRADCHECK_CACHE_DIR": str(tmp_path / "open")}
    ended = gradcheck("run", str(project / "layers.py"), "--draws", "1", env=env)
    assert ended.code == 0
    assert "others can write to" in ended.out
    assert list((tmp_path / "open").iterdir()) == []
    assert "not used" in gradcheck("cache", "info", env=env).out


def test_concurrent_runs_do_not_disturb_each_other(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "copy")
    settle(tmp_path / "copy")
    env = environment(GRADCHECK_NO_CACHE="", GRADCHECK_CACHE_DIR=str(tmp_path / "kept"))
    path = str(tmp_path / "copy" / "layers.py")
    command = [sys.executable, "-m", "gradcheck_cli", "run", path, "--draws", "1", "-q"]
    runs = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE) for _ in range(2)]
    assert [b"1 passed" in run.communicate()[0] for run in runs] == [True] * 2
    assert len(list((tmp_path / "kept").glob("*.gck"))) == 1
