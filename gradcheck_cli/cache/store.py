"""Verdicts by what they depend on: found again only while all of it is as it was."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gradcheck_cli._version import __version__
from gradcheck_cli.cache.digests import Digests, changed_since
from gradcheck_cli.cache.folder import Folder
from gradcheck_cli.checking.options import CheckOptions
from gradcheck_cli.isolation.codec import Codec, Undecodable
from gradcheck_cli.isolation.messages import TYPES, Dependencies, Found
from gradcheck_cli.report.model import LayerReport, Status

_KEPT = frozenset({Status.PASS, Status.FAIL, Status.INCONCLUSIVE})
"""What could not be judged is tried again: it may be mended by what is no part of the project."""

_MOST_DEPENDENCIES = 2000
"""Looking at more files than this is no quicker than checking."""

_VARIABLES = ("JAX_", "XLA_", "NPY_", "OMP_", "OPENBLAS_", "MKL_", "PYTHON")
"""Environment variables that decide how the numbers come out begin with one of these."""


@dataclass(frozen=True)
class Entry:
    """What is known of one module under certain options.

    Attributes:
        files, folders: digests of all that it depends on.
        distributions: folders of installed packages, which must still be there.
        reports: of those of its layers that were checked.
    """

    files: tuple[tuple[str, str], ...]
    folders: tuple[tuple[str, str], ...]
    distributions: tuple[str, ...]
    found: Found
    reports: tuple[LayerReport, ...]


_CODEC = Codec([*TYPES, Entry])


class Store:
    """The verdicts that are kept for these options."""

    def __init__(self, folder: Folder, options: CheckOptions) -> None:
        self._folder = folder
        self._options = options.for_one_layer()
        self._digests = Digests()
        self._circumstances = _circumstances()

    def known(self, path: Path) -> tuple[Found, Mapping[str, LayerReport]] | None:
        """The module's layers and the verdicts that still hold; None where nothing does."""
        entry = self._read(path)
        if entry is None or not self._holds(entry):
            return None
        return entry.found, {report.name: replace(report, cached=True) for report in entry.reports}

    def keep(
        self, path: Path, found: Found, reports: Mapping[str, LayerReport], depends: Dependencies, since: float
    ) -> None:
        """Remember these verdicts. Not those that depend on more than files, or on one that changed since then."""
        files = tuple(sorted({str(path), *depends.files}))
        kept = tuple(replace(report, cached=False) for report in reports.values() if report.status in _KEPT)
        if depends.outside or found.problems or not found.loaded or len(files) > _MOST_DEPENDENCIES:
            return
        if changed_since(files, since) or changed_since(depends.folders, since):
            return
        digests = Digests()
        entry = Entry(
            files=tuple((name, digests.file(name)) for name in files),
            folders=tuple((name, digests.folder(name)) for name in depends.folders),
            distributions=depends.distributions,
            found=replace(found, depends=depends),
            reports=kept,
        )
        structure, arrays = _CODEC.encode(entry)
        self._folder.write(self._name(path), len(structure).to_bytes(8, "big") + structure + arrays)

    def _read(self, path: Path) -> Entry | None:
        name = self._name(path)
        body = self._folder.read(name)
        if body is None:
            return None
        end = 8 + int.from_bytes(body[:8], "big")
        try:
            entry = _CODEC.decode(body[8:end], body[end:])
        except Undecodable:
            entry = None
        if not isinstance(entry, Entry):
            self._folder.remove(name)
            return None
        return entry

    def _holds(self, entry: Entry) -> bool:
        return (
            all(self._digests.file(name) == digest for name, digest in entry.files)
            and all(self._digests.folder(name) == digest for name, digest in entry.folders)
            and all(Path(name).is_dir() for name in entry.distributions)
        )

    def _name(self, path: Path) -> str:
        structure, arrays = _CODEC.encode([str(path), self._options, self._circumstances])
        return hashlib.sha256(structure + arrays).hexdigest()[:40]


def _circumstances() -> list[object]:
    """What decides a verdict beside the module and the options."""
    variables = sorted((name, value) for name, value in os.environ.items() if name.startswith(_VARIABLES))
    # a report holds paths that are relative to the current folder
    return [__version__, _own_code(), sys.version, sys.prefix, platform.machine(), str(Path.cwd()), variables]


def _own_code() -> tuple[int, int, int]:
    """Of gradcheck's files: how many, their bytes, the last change; who works on it must not see verdicts of before."""
    count = size = latest = 0
    waiting = [str(Path(__file__).parents[1])]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.name.endswith(".py"):
                    found = entry.stat()
                    count, size, latest = count + 1, size + found.st_size, max(latest, found.st_mtime_ns)
    return count, size, latest
