"""Where something stands in the user's source, as other programs want it: relative, with forward slashes."""

from __future__ import annotations

from pathlib import Path, PurePath
from urllib.parse import quote


def relative_path(path: str, folder: Path | None) -> str:
    """`src/layers.py` for what lies inside `folder`, else the path as it is; with forward slashes everywhere."""
    return PurePath(_inside(path, folder) or path).as_posix()


def is_inside(path: str, folder: Path | None) -> bool:
    """Whether `relative_path` is relative."""
    return not PurePath(path).is_absolute() or _inside(path, folder) is not None


def module_name(path: str, folder: Path | None) -> str:
    """`src.layers` for `src/layers.py`: how test reports name a module."""
    known = PurePath(relative_path(path, folder))
    parts = [part for part in known.with_suffix("").parts if part not in (known.anchor, "..", ".")]
    return ".".join(parts) or path


def uri_path(path: str) -> str:
    """A path with forward slashes as the path of a URI: everything but letters, digits and `/-._~` is percent-encoded.

    File names of other encodings come as lone surrogates (PEP 383) and go back to the bytes they stand for.
    """
    try:
        content = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        content = path.encode("utf-8", "surrogatepass")
    return quote(content)


def _inside(path: str, folder: Path | None) -> str | None:
    if folder is None:
        return None
    try:
        return str(PurePath(path).relative_to(folder))
    except ValueError:
        return None
