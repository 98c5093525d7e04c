"""Messages over a pair of byte streams: a mark, two lengths, the structure, the arrays."""

from __future__ import annotations

import struct
import threading
from typing import IO, Any

from gradcheck_cli.isolation.codec import Codec, Undecodable

_MARK = b"gck\x01"
_HEAD = struct.Struct(">4sIQ")

MOST_STRUCTURE = 1 << 30
MOST_ARRAYS = 1 << 36
"""Bytes: a longer frame was not written by us."""


class Garbled(Exception):
    """What came over the stream is no message: somebody else has written to it."""


class Channel:
    """Sends and receives messages, one at a time; may be written to from several threads."""

    def __init__(self, codec: Codec, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._codec = codec
        self._reader = reader
        self._writer = writer
        self._lock = threading.Lock()

    def send(self, message: Any) -> None:
        """Write one message.

        Raises:
            OSError: where the other side has gone (`BrokenPipeError`).
        """
        structure, arrays = self._codec.encode(message)
        with self._lock:
            self._writer.write(_HEAD.pack(_MARK, len(structure), len(arrays)) + structure)
            self._writer.write(arrays)
            self._writer.flush()

    def receive(self) -> Any:
        """The next message; None where the other side has closed its end between two messages.

        Raises:
            Garbled: where it has closed it within one, or what came is no message.
        """
        head = self._read(_HEAD.size)
        if not head:
            return None
        if len(head) < _HEAD.size:
            raise Garbled("the stream ends within a message")
        mark, structure_length, arrays_length = _HEAD.unpack(head)
        if mark != _MARK or structure_length > MOST_STRUCTURE or arrays_length > MOST_ARRAYS:
            raise Garbled(f"no message begins with {head[:8]!r}")
        structure, arrays = self._read(structure_length), self._read(arrays_length)
        if len(structure) < structure_length or len(arrays) < arrays_length:
            raise Garbled("the stream ends within a message")
        try:
            return self._codec.decode(structure, arrays)
        except Undecodable as error:
            raise Garbled(str(error)) from error

    def close(self) -> None:
        """Close the end that is written to: the other side sees that no more comes."""
        with self._lock:
            self._writer.close()

    def _read(self, length: int) -> bytes:
        parts = []
        while length > 0:
            part = self._reader.read(min(length, 1 << 20))
            if not part:
                break
            parts.append(part)
            length -= len(part)
        return b"".join(parts)
