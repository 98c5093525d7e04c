"""Files that are whole or as they were, whenever the process that writes them is killed."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, data: bytes, beside: Path, *, mode: int = 0o666, kept_mode: int | None = None) -> None:
    """Write to a new file `beside` it, which then takes its name; where that fails, nothing is left of it.

    Args:
        mode: of the new file, less the umask.
        kept_mode: exactly this mode in place of it.

    Raises:
        OSError: where that cannot be done.
    """
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        if kept_mode is not None:
            beside.chmod(kept_mode)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
