"""Dark, light, and without colour; which one to begin with."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

DARK = Theme(
    "gradcheck-dark",
    primary="#7aa7f0",
    secondary="#8fb8a8",
    accent="#e6b566",
    foreground="#d6dce5",
    background="#121416",
    surface="#191c1f",
    panel="#282c30",
    success="#86cf9a",
    warning="#e6b566",
    error="#ff7f7f",
    dark=True,
    variables={"quiet": "#8490a0", "code": "#8fd0e0"},
)
LIGHT = Theme(
    "gradcheck-light",
    primary="#1f5fae",
    secondary="#2c6e5a",
    accent="#8a5300",
    foreground="#20252d",
    background="#fdfdfb",
    surface="#f4f4f0",
    panel="#e4e5e0",
    success="#1a7438",
    warning="#8a5300",
    error="#b82424",
    dark=False,
    variables={"quiet": "#626a75", "code": "#0b6477"},
)
PLAIN = Theme(
    "gradcheck-plain",
    primary="#f0f0f0",
    secondary="#d0d0d0",
    accent="#f0f0f0",
    foreground="#dcdcdc",
    background="#101010",
    surface="#161616",
    panel="#2a2a2a",
    success="#dcdcdc",
    warning="#dcdcdc",
    error="#ffffff",
    dark=True,
    variables={"quiet": "#9a9a9a", "code": "#f0f0f0"},
)

THEMES = (DARK, LIGHT, PLAIN)
_KINDS = {DARK.name: "dark", LIGHT.name: "light", PLAIN.name: "plain"}

_LIGHT_GROUNDS = {"7", "15"}


def first_theme(environment: Mapping[str, str], *, no_color: bool) -> str:
    """Without colour where that is wanted; light where the terminal tells that its ground is (COLORFGBG)."""
    if no_color:
        return PLAIN.name
    ground = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if ground in _LIGHT_GROUNDS else DARK.name


def kind_of(theme: Theme) -> str:
    """Which colours a map has: `dark`, `light` or `plain`."""
    return _KINDS.get(theme.name, "dark" if theme.dark else "light")
