"""The command that opens the user's editor at a line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePath

_WITH_PLUS = {
    "vi",
    "vim",
    "nvim",
    "view",
    "nano",
    "emacs",
    "emacsclient",
    "mg",
    "joe",
    "jed",
    "ne",
    "kak",
    "micro",
    "gedit",
}
_WITH_COLON = {"hx", "helix", "subl", "sublime_text", "zed", "atom", "mate"}
_WITH_GOTO = {"code", "codium", "code-insiders", "cursor", "windsurf"}


def editor_command(environment: Mapping[str, str], path: str, line: int) -> list[str]:
    """`$VISUAL` or `$EDITOR`, else vi, at this line where it is known how to say so."""
    chosen = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    try:
        words = shlex.split(chosen)
    except ValueError:
        words = [chosen]
    words = words or ["vi"]
    name = PurePath(words[0]).name.removesuffix(".exe")
    if name in _WITH_GOTO:
        wait = [] if "--wait" in words or "-w" in words else ["--wait"]
        return [*words, *wait, "--goto", f"{path}:{line}"]
    if name in _WITH_COLON:
        return [*words, f"{path}:{line}"]
    if name in _WITH_PLUS:
        return [*words, f"+{line}", path]
    return [*words, path]
