"""The worker's own descriptors: taken away from the user's code before it runs."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, BinaryIO

from gradcheck_cli.isolation.frames import Channel
from gradcheck_cli.isolation.messages import CODEC


def take_over() -> Channel:
    """Keep the descriptors that carry messages; the user's code reads nothing, and prints to the third."""
    reader, writer = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open to the end of the process
    sys.stdout, sys.stderr = _printing(1), _printing(2)
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, f"__{name}__", getattr(sys, name))
    return Channel(CODEC, os.fdopen(reader, "rb"), os.fdopen(writer, "wb"))


def _printing(descriptor: int) -> Any:
    binary: BinaryIO = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(io.BufferedWriter(binary), encoding="utf-8", errors="backslashreplace", line_buffering=True)
