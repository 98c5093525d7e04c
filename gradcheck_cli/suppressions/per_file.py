"""`[tool.gradcheck.per-file-ignores]`: rules that do not count in the files that a pattern names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath

from gradcheck_cli.suppressions.comments import Word

_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class PerFile:
    """One entry.

    Attributes:
        pattern: `legacy/*.py`, from the configuration file's folder on; `**` stands for any folders; a pattern without
            a slash is for that file name in any folder; one that ends in a slash is for all below that folder.
        words: the rules.
        file, line: the configuration file and the entry's line in it.
    """

    pattern: str
    words: tuple[Word, ...]
    file: Path
    line: int | None = None

    def names(self, path: str) -> bool:
        """Whether the pattern names this file."""
        file, folder = PurePath(path), self.file.parent
        if not file.is_relative_to(folder):
            return False
        return _expression(self.pattern).fullmatch(file.relative_to(folder).as_posix()) is not None

    @property
    def folder(self) -> Path:
        """The deepest folder, or the file, in which all that the pattern can name lies."""
        if "/" not in self.pattern:
            return self.file.parent
        parts = self.pattern.removeprefix("/").split("/")
        fixed = next((at for at, part in enumerate(parts) if _WILD.search(part)), len(parts))
        return self.file.parent.joinpath(*parts[:fixed])


@lru_cache
def _expression(pattern: str) -> re.Pattern[str]:
    if "/" not in pattern:
        pattern = f"**/{pattern}"
    if pattern.endswith("/"):
        pattern += "**"
    parts = []
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", pattern.removeprefix("/"), re.S):
        known = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(token)
        if known is None and len(token) > 1:
            known = "[" + ("^/" if token[1] == "!" else "") + token[1:].removeprefix("!").replace("\\", r"\\")
        parts.append(known or re.escape(token))
    try:
        return re.compile("".join(parts))
    except re.error:  # `[z-a]`, which names no file
        return re.compile("(?!)")
