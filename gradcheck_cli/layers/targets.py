"""What the user pointed at: files, folders, and `PATH::NAME`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gradcheck_cli.errors import UserError

SKIPPED_FOLDERS = frozenset({"__pycache__", "build", "dist", "node_modules", "site-packages", "venv", "env"})
"""Folders whose Python files are nobody's layers: caches, built copies and installed libraries."""


def parse(text: str) -> tuple[Path, str | None]:
    """Split `PATH::NAME` into its path and its layer's name; the name is None where there is none.

    Raises:
        UserError: where a side of `::` is empty.
    """
    path, separator, name = text.partition("::")
    if not path or (separator and not name):
        raise UserError(
            f"`{text}` does not name a file and a layer",
            mend="write `PATH` or `PATH::NAME`, such as `mylayer.py::affine`",
        )
    return Path(path), name or None


def expand(path: Path) -> list[Path]:
    """The Python files that `path` stands for, absolute: itself, or all below a folder, in a stable order.

    Hidden folders, caches, build folders, virtual environments and installed libraries are skipped, unless `path`
    itself lies in one.

    Raises:
        UserError: without a code, where the path is missing, or a file that is not Python source.
    """
    if path.is_dir():
        return [file.resolve() for file in _python_files(path)]
    if not path.exists():
        raise UserError(f"no such file or folder: `{path}`", path=path, mend=_nearest(path))
    if not path.is_file():
        raise UserError(f"`{path}` is neither a file nor a folder", path=path, mend="give a `.py` file or a folder")
    _require_python(path)
    return [path.resolve()]


def _python_files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir():
            if not entry.is_symlink() and not _is_skipped(entry):
                yield from _python_files(entry)
        elif entry.suffix == ".py" and entry.is_file():
            yield entry


def _is_skipped(folder: Path) -> bool:
    name = folder.name
    if name.startswith(".") or name in SKIPPED_FOLDERS or name.endswith(".egg-info"):
        # `env` and `build` are also names of ordinary packages
        return not (name in {"env", "build", "dist"} and (folder / "__init__.py").exists())
    return (folder / "pyvenv.cfg").exists()


def _require_python(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            start = stream.read(4096)
    except OSError as error:
        raise UserError(
            f"cannot read `{path}`: {error.strerror or error}", path=path, mend="make the file readable"
        ) from error
    if b"\0" in start:
        raise UserError(
            f"`{path}` is a binary file, not Python source",
            path=path,
            mend="give the `.py` file that defines the layers",
        )
    if path.suffix != ".py":
        raise UserError(
            f"`{path}` is not a `.py` file",
            path=path,
            mend="give the `.py` file that defines the layers"
            + (" (a notebook: `jupyter nbconvert --to script` makes one)" if path.suffix == ".ipynb" else ""),
        )


def _nearest(path: Path) -> str:
    """The mend for a path that is not there: the file that was probably meant."""
    import difflib

    if path.with_name(path.name + ".py").is_file():
        return f"did you mean `{path.with_name(path.name + '.py')}`?"
    try:
        siblings = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"the folder `{path.parent}` does not exist either; check the path"
    close = difflib.get_close_matches(path.name, siblings, n=1)
    return f"did you mean `{path.with_name(close[0])}`?" if close else "check the path"
