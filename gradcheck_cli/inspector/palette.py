"""The colours of the map: warm where yours is too large, cold where it is too small, brighter where it is worse."""

from __future__ import annotations

from functools import cache

from rich.style import Style

from gradcheck_cli.inspector.heat import EXCUSED, LEVELS, MENDED, NOT_FINITE, UNKNOWN, is_low, level_of

Rgb = tuple[int, int, int]

_RAMPS: dict[str, tuple[tuple[Rgb, Rgb], tuple[Rgb, Rgb]]] = {
    "dark": (((74, 42, 30), (255, 138, 92)), ((26, 50, 82), (104, 180, 255))),
    "light": (((252, 226, 212), (196, 62, 18)), ((218, 232, 250), (22, 88, 176))),
    "plain": (((52, 52, 52), (224, 224, 224)), ((52, 52, 52), (224, 224, 224))),
}
"""From level 1 to the highest: yours too large, yours too small."""

_WORDS: dict[str, dict[int, Style]] = {
    "dark": {
        0: Style(color="#5b6675"),
        MENDED: Style(color="#0e1a12", bgcolor="#7fc98f"),
        UNKNOWN: Style(color="#d9c27a"),
        EXCUSED: Style(color="#b79be0"),
        NOT_FINITE: Style(color="#ffffff", bgcolor="#a8327a", bold=True),
    },
    "light": {
        0: Style(color="#8d929a"),
        MENDED: Style(color="#ffffff", bgcolor="#1f7a3d"),
        UNKNOWN: Style(color="#7a5c00"),
        EXCUSED: Style(color="#6b3fa0"),
        NOT_FINITE: Style(color="#ffffff", bgcolor="#a01f6d", bold=True),
    },
    "plain": {
        0: Style(color="#808080"),
        MENDED: Style(color="#f0f0f0", bold=True),
        UNKNOWN: Style(color="#c0c0c0"),
        EXCUSED: Style(color="#c0c0c0"),
        NOT_FINITE: Style(color="#f0f0f0", bold=True, underline=True),
    },
}

_INK_DARK, _INK_LIGHT = "#10131a", "#f4f6f9"


@cache
def style_of(code: int, kind: str) -> Style:
    """Of a cell with this code, in a theme that is `dark`, `light` or `plain`."""
    level = level_of(code)
    if not level:
        return _WORDS[kind][code]
    start, end = _RAMPS[kind][1 if is_low(code) else 0]
    share = (level - 1) / (LEVELS - 1)
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end))
    is_bright = 0.299 * red + 0.587 * green + 0.114 * blue > 128
    return Style(color=_INK_DARK if is_bright else _INK_LIGHT, bgcolor=f"#{red:02x}{green:02x}{blue:02x}")
