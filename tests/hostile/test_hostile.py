"""Whatever one module does, the verdicts on all layers beside it come out right, in bounded time; nothing is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.command import gradcheck
from tests.hostile.acts import ACTS as EVERY_ACT
from tests.hostile.acts import BESIDE
from tests.thorough import THOROUGH

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the acts are those of POSIX")

TIMEOUT = 5
MOST_SECONDS = 420
MARK = "GRADCHECK_HOSTILE_TEST"


LAST_LINES = {
    "exits_at_import": "os._exit(3)",
    "segfaults_at_import": "ctypes.string_at(0)",
    "loops_at_import": "while True:",
    "kills_itself_at_import": "os.kill(",
    "forward_exits": "os._exit(0)",
    "forward_sleeps": "time.sleep(1e6)",
    "forward_segfaults": "ctypes.string_at(0)",
    "backward_aborts": "os.abort()",
    "backward_loops": "while True: pass",
    "forward_sleeps_in_c": "sleep(1000)",
}

ACTS = {
    name: act
    for number, (name, act) in enumerate(EVERY_ACT.items())
    if THOROUGH or number % 4 != 3 or name in LAST_LINES
}
"""Three in four, each with a process of its own to lose; all on request."""


@dataclass(frozen=True)
class Ran:
    """One run over all of them."""

    layers: dict[tuple[str, str], Any]
    seconds: float
    errors: str
    left: list[str]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("hostile")
    for name, act in ACTS.items():
        place = folder / name
        place.mkdir()
        (place / f"{name}.py").write_bytes((act.code + BESIDE).encode(act.encoding))
        for file, source in act.files:
            (place / file).write_text(source)
        if act.cannot_load:  # the others' neighbours are the layers in the same file, and the next act's
            (place / "neighbour.py").write_text("import numpy as np\n" + BESIDE)
    started = time.monotonic()
    limits = ("--timeout", str(TIMEOUT), "--memory", "1G", "-n", "2")
    ended = gradcheck(
        *("run", str(folder), "--format", "json", "--draws", "1", "--no-shrink"),
        *limits,
        cwd=folder,
        env={MARK: str(folder)},
        fresh=True,  # what is left is known by the environment that it was started with
        seconds=2 * MOST_SECONDS,
    )
    seconds = time.monotonic() - started
    assert ended.code == 2
    layers = {_key(layer): layer for layer in ended.json["layers"]}
    yield Ran(layers, seconds, ended.err, list(_running(str(folder))))


def _key(layer: Any) -> tuple[str, str]:
    """The act, and which layer of which of its files; a module that did not load goes by the act's own name."""
    path = Path(layer["path"])
    act = path.parent.name
    return (act, f"{act}::{act}" if layer["convention"] == "module" else f"{path.stem}::{layer['name']}")


def _running(mark: str) -> Iterator[str]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                yield " ".join(process.cmdline())
        except (psutil.Error, OSError):
            continue


def codes(layer: Any) -> set[str]:
    return {finding["code"] for finding in layer["findings"]}


def test_there_are_enough() -> None:
    assert len(ACTS) >= 60


@pytest.mark.parametrize("name", ACTS)
def test_the_verdicts_beside_it_come_out_right(name: str, ran: Ran) -> None:
    act = ACTS[name]
    file = "neighbour" if act.cannot_load else name
    good, bad = ran.layers[name, f"{file}::good"], ran.layers[name, f"{file}::bad"]
    assert (good["status"], codes(good)) == ("pass", set()), good["findings"]
    assert (bad["status"], codes(bad)) == ("fail", {"GC202"}), bad["findings"]


@pytest.mark.parametrize("name", [name for name, act in ACTS.items() if act.cannot_load or act.odd])
def test_the_deed_itself_is_told(name: str, ran: Ran) -> None:
    act = ACTS[name]
    layer = ran.layers[name, f"{name}::{name if act.cannot_load else 'odd'}"]
    expected = act.cannot_load or act.odd
    if layer["status"] in expected and layer["status"] != "pass":
        return
    if expected == ("pass",):
        assert (layer["status"], codes(layer)) == ("pass", set()), layer["findings"]
    else:
        assert layer["findings"], layer["status"]
        assert any(code.startswith(expected) for code in codes(layer)), layer["findings"]
        assert all(finding["message"] and "Traceback" not in finding["message"] for finding in layer["findings"])


def test_the_last_line_is_named(ran: Ran) -> None:
    for name, line in LAST_LINES.items():
        act = ACTS[name]
        layer = ran.layers[name, f"{name}::{name if act.cannot_load else 'odd'}"]
        (finding,) = layer["findings"]
        written = act.code.splitlines()[finding["line"] - 1]
        assert line in written or written.strip() == "pass", (name, finding)


def test_no_process_is_left(ran: Ran) -> None:
    assert ran.left == []


def test_time_is_bounded(ran: Ran) -> None:
    assert ran.seconds < MOST_SECONDS


def test_nothing_of_it_reaches_standard_error(ran: Ran) -> None:
    assert ran.errors == ""
