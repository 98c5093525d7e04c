"""The file of a saved run: a zip without compression, of `.npy` members and one of JSON, as `numpy.savez` makes them.

Nothing in it is compressed, so that it unpacks to no more than its own size: gradients are random to a compressor (it
takes a minute a gigabyte to save 4 %), and an array is found and read at the speed of the disk. Every member has a
checksum. An array's header is known from the JSON and must stand there letter by letter: none is ever parsed.
"""

from __future__ import annotations

import contextlib
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError

DOCUMENT = "run.json"
NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
"""What an array is called; its member has the suffix `.npy`."""

DTYPES = frozenset({"|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16"})
MOST_AXES = 32
MOST_DOCUMENT = 1 << 28
"""Bytes of JSON; a run of a thousand layers has some ten million."""

_CHUNK = 1 << 24
_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNED = 64


class Damaged(Exception):
    """The file is not what was written; the message is a clause: `it ends too early`."""


def header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """What stands before an array's bytes in a `.npy` member (version 1.0, in C order)."""
    sizes = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {sizes}, }}".encode("ascii")
    padding = -(len(_MAGIC) + 2 + len(text) + 1) % _ALIGNED
    text += b" " * padding + b"\n"
    return _MAGIC + len(text).to_bytes(2, "little") + text


def size_of(dtype: str, shape: tuple[int, ...]) -> int:
    """The bytes of a member, header and all."""
    count = 1
    for size in shape:
        count *= size
    return len(header(dtype, shape)) + count * np.dtype(dtype).itemsize


class Writer:
    """Writes the members one after the other.

    Args:
        stream: can be written to, and sought in.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED)

    def array(self, name: str, array: NDArray[Any]) -> None:
        """Write an array of one of `DTYPES` in C order.

        Raises:
            OSError: where that cannot be done.
        """
        dtype, shape = array.dtype.str, tuple(array.shape)
        assert dtype in DTYPES and array.flags.c_contiguous and NAME.fullmatch(name), (name, dtype)
        with self._open(f"{name}.npy", size_of(dtype, shape)) as stream:
            stream.write(header(dtype, shape))
            if array.size:
                content = array.reshape(-1).view(np.uint8).data
                for start in range(0, len(content), _CHUNK):
                    stream.write(content[start : start + _CHUNK])

    def document(self, content: bytes) -> None:
        """Write the JSON, which comes last, and close.

        Raises:
            OSError: where that cannot be done.
        """
        with self._open(DOCUMENT, len(content)) as stream:
            stream.write(content)
        self._zip.close()

    def abandon(self) -> None:
        """Write nothing more: the stream is of no use to anybody."""
        with contextlib.suppress(OSError, ValueError):
            self._zip.close()  # what is forgotten open closes itself later, and complains then

    def _open(self, name: str, size: int) -> IO[bytes]:
        # the same run is the same file, whenever it is written
        member = zipfile.ZipInfo(name)
        member.file_size = size
        member.external_attr = 0o600 << 16
        return self._zip.open(member, "w")


class Archive:
    """A file of which nothing is believed; read member by member, as long as it is open.

    Raises:
        Damaged: where it is no zip, or holds anything that a saved run does not.
        OSError: where it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = path.open("rb")
        try:
            self._zip, self._members = self._opened()
        except BaseException:
            self._stream.close()
            raise

    def _opened(self) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
        length = self._stream.seek(0, 2)
        if not length:
            raise Damaged("it is empty")
        try:
            opened = zipfile.ZipFile(self._stream)
        except OSError:
            raise
        except Exception as error:  # of a hostile file zipfile may raise anything
            self._stream.seek(0)
            is_zip = self._stream.read(4) == b"PK\x03\x04"
            raise Damaged("it is cut off, or damaged" if is_zip else "it is no zip file") from error
        members: dict[str, zipfile.ZipInfo] = {}
        for member in opened.infolist():
            name = member.filename
            if name in members:
                raise Damaged(f"it holds {_shown(name)} twice")
            if name != DOCUMENT and not (name.endswith(".npy") and NAME.fullmatch(name[:-4])):
                raise Damaged(f"it holds {_shown(name)}, which is no part of a saved run")
            if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
                raise Damaged(f"{_shown(name)} is compressed, and nothing in a saved run is")
            if member.flag_bits & 0x1:
                raise Damaged(f"{_shown(name)} is encrypted, and nothing in a saved run is")
            members[name] = member
        if DOCUMENT not in members:
            raise Damaged(f"it holds no `{DOCUMENT}`")
        if sum(member.file_size for member in members.values()) > length:
            raise Damaged("its members are larger than the file")
        return opened, members

    def document(self) -> bytes:
        """The JSON.

        Raises:
            Damaged: where it is not as it was written.
        """
        if self._members[DOCUMENT].file_size > MOST_DOCUMENT:
            raise Damaged(f"`{DOCUMENT}` is larger than any run's")
        return bytes(self._read(DOCUMENT))

    def declared(self, name: str, dtype: str, shape: tuple[int, ...]) -> InFile:
        """An array that the document tells of.

        Raises:
            Damaged: where there is none of this dtype and shape.
        """
        if dtype not in DTYPES or len(shape) > MOST_AXES:
            raise Damaged(f"{_shown(name)} has a dtype or a shape that no saved array has")
        member = self._members.get(f"{name}.npy")
        if member is None:
            raise Damaged(f"it holds no {_shown(f'{name}.npy')}")
        if member.file_size != size_of(dtype, shape):
            raise Damaged(f"{_shown(f'{name}.npy')} is not as large as an array of its shape")
        return InFile(self, name, np.dtype(dtype), shape)

    @property
    def arrays(self) -> frozenset[str]:
        """The names of all arrays."""
        return frozenset(name[:-4] for name in self._members if name != DOCUMENT)

    def array(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """The values of a declared array.

        Raises:
            Damaged: where they are not as they were written.
        """
        expected = header(dtype.str, shape)
        content = self._read(f"{name}.npy")
        if content[: len(expected)] != expected:
            raise Damaged(f"`{name}.npy` does not begin as an array of its shape")
        values = np.frombuffer(content, dtype, offset=len(expected)).reshape(shape)
        if dtype.kind == "b" and values.view(np.uint8).size and values.view(np.uint8).max() > 1:
            raise Damaged(f"`{name}.npy` holds something between true and false")
        return values

    def close(self) -> None:
        """Nothing more is read."""
        self._zip.close()
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, name: str) -> bytearray:
        member = self._members[name]
        content = bytearray(member.file_size)
        view, filled = memoryview(content), 0
        try:
            with self._zip.open(member) as stream:
                while part := stream.read(_CHUNK):  # the checksum is compared at the end
                    view[filled : filled + len(part)] = part
                    filled += len(part)
        except Exception as error:  # of a hostile file zipfile may raise anything
            raise Damaged(f"`{name}` is damaged") from error
        if filled != len(content):
            raise Damaged(f"`{name}` ends too early")
        return content


@dataclass(frozen=True)
class InFile:
    """An array of a saved run that is read when it is asked for, each time anew."""

    archive: Archive
    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def read(self) -> NDArray[Any]:
        """The array.

        Raises:
            UserError: where the file is damaged.
        """
        try:
            return self.archive.array(self.name, self.dtype, self.shape)
        except (Damaged, MemoryError) as error:
            raise unreadable(self.archive.path, str(error) or "it does not fit into memory") from error


def unreadable(path: Path, why: str) -> UserError:
    """The error that a user sees."""
    return UserError(
        f"`{path.name}` cannot be read as a saved run: {why}",
        path=path,
        mend="make it anew: gradcheck run PATHS --save FILE",
    )


def _shown(name: str) -> str:
    """A name that somebody else chose."""
    return repr(name if len(name) <= 60 else name[:60] + "...")
