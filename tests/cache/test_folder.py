"""The cache's folder: nobody else's, and whatever is found in it is whole."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gradcheck_cli.cache import folder as folder_module
from gradcheck_cli.cache.folder import Folder, Refused, place
from tests.cli.command import ROOT, environment
from tests.thorough import THOROUGH


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.open(tmp_path / "cache")


def test_what_was_written_is_read(folder: Folder) -> None:
    assert folder.read("a") is None
    folder.write("a", b"one")
    folder.write("a", b"two")
    assert folder.read("a") == b"two"
    assert folder.size == (1, folder.size[1])
    folder.remove("a")
    assert folder.read("a") is None


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_it_is_private(folder: Folder) -> None:
    folder.write("a", b"one")
    assert folder.path.stat().st_mode & 0o077 == 0
    assert next(folder.path.iterdir()).stat().st_mode & 0o077 == 0


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_one_that_others_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)
    with pytest.raises(Refused, match="chmod 700"):
        Folder.open(shared)


@pytest.mark.skipif(sys.platform == "win32", reason="links and owners of POSIX")
def test_a_link_a_file_and_somebody_elses_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Folder.open(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").touch()
    for name in ("link", "file", "file/below"):
        with pytest.raises(Refused):
            Folder.open(tmp_path / name)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(Refused, match="somebody else"):
        Folder.open(tmp_path / "real")


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "foreign"])
def test_a_damaged_file_is_as_none_and_is_removed(folder: Folder, damage: str) -> None:
    folder.write("a", b"content" * 100)
    (file,) = folder.path.glob("*.gck")
    content = file.read_bytes()
    file.write_bytes(
        {
            "cut": content[:-5],
            "flipped": content[:80] + bytes([content[80] ^ 1]) + content[81:],
            "emptied": b"",
            "foreign": b"something else altogether",
        }[damage]
    )
    assert folder.read("a") is None
    assert not file.exists()


def test_many_writers_leave_one_whole_file(folder: Folder) -> None:
    bodies = [bytes([number]) * 200_000 for number in range(8)]
    threads = [threading.Thread(target=folder.write, args=("a", body)) for body in bodies for _ in range(5)]
    for thread in threads:
        thread.start()
    seen = set()
    while any(thread.is_alive() for thread in threads):
        seen.add(folder.read("a"))
    for thread in threads:
        thread.join()
    assert seen - {None} <= set(bodies)
    assert folder.read("a") in bodies
    assert folder.size[0] == 1


WRITER = """
import sys
from pathlib import Path
from gradcheck_cli.cache.folder import Folder
folder, number = Folder.open(Path(sys.argv[1])), 0
print(flush=True)
while True:
    number = (number + 1) % 256
    folder.write("a", bytes([number]) * 3_000_000)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_at_many_moments_it_leaves_nothing_half_written(folder: Folder) -> None:
    moments = random.Random(0)
    seen = 0
    times = 100 if THOROUGH else 30
    for _ in range(times):
        writer = subprocess.Popen(
            [sys.executable, "-S", "-c", WRITER, str(folder.path)], cwd=ROOT, env=environment(), stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(moments.uniform(0, 0.03))
        writer.kill()
        writer.wait()
        writer.stdout.close()
        files = list(folder.path.glob("*.gck"))
        if files:
            body = folder.read("a")
            assert body is not None
            assert body == body[:1] * 3_000_000
            seen += 1
    assert seen > times / 2
    folder.clear()
    assert list(folder.path.iterdir()) == []


def test_what_was_not_used_for_longest_goes_first(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "MOST_FILES", 8)
    monkeypatch.setattr(folder_module.secrets, "randbelow", lambda _: 0)
    for number in range(12):
        folder.write(f"{number:02}", b"x")
        os.utime(folder.path / f"{number:02}.gck", (number, number))
    folder.write("99", b"x")
    left = sorted(file.stem for file in folder.path.glob("*.gck"))
    assert "99" in left
    assert "11" in left
    assert "00" not in left
    assert len(left) <= 8


def test_its_place_is_told_or_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADCHECK_CACHE_DIR", str(tmp_path / "told"))
    assert place() == tmp_path / "told"
    monkeypatch.delenv("GRADCHECK_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert place() == tmp_path / "gradcheck"
    assert place().name == "gradcheck"


def test_a_folder_that_cannot_be_written_to_is_no_error(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    folder.write("a", b"x")
    assert folder.read("a") is None
