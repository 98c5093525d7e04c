"""Every key: what it does, and how the line at the bottom, the command palette and the help say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True)
class Key:
    """One action.

    Attributes:
        keys: as Textual names them, with commas between them.
        action: of the screen, or with its prefix of the app.
        short: at the bottom; equal ones that follow each other stand there once.
        long: in the palette and in the help.
        shown: how the keys are written.
        is_at_bottom: or in the help and the palette alone.
    """

    keys: str
    action: str
    short: str
    long: str
    shown: str
    is_at_bottom: bool = True


def bindings(keys: Sequence[Key]) -> list[Binding]:
    """For a screen."""
    return [Binding(key.keys, key.action, key.long, show=False, key_display=key.shown) for key in keys]


@dataclass(frozen=True)
class Group:
    """Keys that do one thing, or its opposite: what a click on them does is what the first does."""

    shown: str
    short: str
    long: str
    action: str
    is_at_bottom: bool = True

    @property
    def width(self) -> int:
        """In columns."""
        return len(self.shown) + 1 + len(self.short)


_STAY = frozenset({"app.command_palette", "app.help", "app.quit"})

GAP = 2
"""Columns between groups."""


def groups(keys: Sequence[Key]) -> list[Group]:
    """Keys that follow each other and are called the same, together."""
    found: list[Group] = []
    for key in keys:
        if found and found[-1].short == key.short:
            last = found[-1]
            long = f"{last.long}, {key.long[:1].lower()}{key.long[1:]}"
            found[-1] = Group(f"{last.shown} {key.shown}", last.short, long, last.action, last.is_at_bottom)
        else:
            found.append(Group(key.shown, key.short, key.long, key.action, key.is_at_bottom))
    return found


def lines(found: Sequence[Group], width: int) -> list[list[Group]]:
    """In as many lines as they need."""
    rows: list[list[Group]] = [[]]
    column = 0
    for group in found:
        if column + group.width > width and rows[-1]:
            rows.append([])
            column = 0
        rows[-1].append(group)
        column += group.width + GAP
    return rows


def fitting(found: Sequence[Group], width: int, most: int) -> list[list[Group]]:
    """In at most so many lines: what is left out is in the help, which stays."""
    last = [group for group in found if group.action in _STAY]
    others = [group for group in found if group.action not in _STAY]
    while len(rows := lines([*others, *last], width)) > most and others:
        others.pop()
    return rows


def group_at(rows: Sequence[Sequence[Group]], row: int, column: int) -> Group | None:
    """What stands at a place."""
    for group in rows[row] if 0 <= row < len(rows) else ():
        if 0 <= column < group.width:
            return group
        column -= group.width + GAP
    return None


MOVES = (
    Key("left,h", "move(0, -1)", "move", "Left", "←"),
    Key("down,j", "move(1, 0)", "move", "Down", "↓"),
    Key("up,k", "move(-1, 0)", "move", "Up", "↑"),
    Key("right,l", "move(0, 1)", "move", "Right; h j k l, too", "→"),
    Key("pageup", "page(-1)", "page", "Screen up", "PgUp", is_at_bottom=False),
    Key("pagedown", "page(1)", "page", "Screen down", "PgDn", is_at_bottom=False),
    Key("home", "edge(-1)", "edge", "Row's start", "Home", is_at_bottom=False),
    Key("end", "edge(1)", "edge", "Row's end", "End", is_at_bottom=False),
)

PLANES = (
    Key("left_square_bracket", "step(-1)", "slice", "Slice before", "["),
    Key("right_square_bracket", "step(1)", "slice", "Next slice", "]"),
    Key("comma", "next_step", "axis", "Step through another axis", ","),
    Key("v", "axis('rows')", "axes", "Another axis down", "v"),
    Key("x", "axis('columns')", "axes", "Another axis across", "x"),
    Key("t", "transpose", "turn", "Turn: rows across, columns down", "t"),
)

COPIES = (
    Key("y", "copy('element')", "copy", "Copy the element", "y"),
    Key("Y", "copy('command')", "copy", "Copy the command", "Y"),
    Key("S", "copy('script')", "copy", "Copy the script", "S"),
)

EVERYWHERE = (
    Key("T", "app.next_theme", "theme", "Dark, light, or no colour", "T"),
    Key("ctrl+p", "app.command_palette", "menu", "All commands, to be searched", "^p"),
    Key("ctrl+z", "app.suspend_process", "suspend", "Back to the shell; fg returns", "^z", is_at_bottom=False),
    Key("question_mark", "app.help", "help", "All keys", "?"),
    Key("q", "app.quit", "quit", "Quit", "q"),
)

MAIN = (
    Key("n", "worst(1)", "worst", "Next worst element", "n"),
    Key("N", "worst(-1)", "worst", "Worst element before", "N"),
    Key("s", "source", "source", "Source: the line that is to blame", "s"),
    Key("f", "finding", "why", "Why: the findings, and all that is known", "f"),
    Key("enter,d", "dig", "dig", "Dig: all about this element", "d"),
    Key("c", "compare", "compare", "Compare yours, autodiff and difference", "c"),
    Key("a", "next_gradient(1)", "grad", "Next gradient", "a"),
    Key("A", "next_gradient(-1)", "grad", "Gradient before", "A"),
    *MOVES,
    *PLANES,
    Key("plus,equals_sign", "zoom(1)", "zoom", "Closer", "+"),
    Key("minus", "zoom(-1)", "zoom", "Farther", "-"),
    Key("0", "fit", "zoom", "All of it", "0"),
    Key("g", "go_to", "go", "Go to an element", "g"),
    Key("i", "what_if", "what if", "What if: other inputs, seed or dimensions", "i"),
    Key("r", "again", "again", "Check this layer again", "r"),
    Key("b", "back", "back", "Back to what was before", "b"),
    Key("L", "app.go_live", "go live", "Go live: check the saved run again with the module, which is here", "L"),
    Key("w", "watch", "watch", "Watch the files, and check again when they change", "w"),
    Key("e", "edit", "edit", "Edit at the line that is to blame", "e"),
    *COPIES,
    Key("tab", "app.focus_next", "pane", "Next pane", "Tab"),
    Key("escape", "app.stop", "stop", "Stop what is being checked", "Esc"),
    *EVERYWHERE,
)

SOURCE = (
    Key("escape,s", "app.pop_screen", "back", "Back", "Esc"),
    Key("n", "finding(1)", "finding", "Next finding", "n"),
    Key("N", "finding(-1)", "finding", "Finding before", "N"),
    Key("tab", "app.focus_next", "forward/backward", "The other function", "Tab"),
    Key("e", "edit", "edit", "Edit at the line", "e"),
    *EVERYWHERE,
)

FINDING = (
    Key("escape,f", "app.pop_screen", "back", "Back", "Esc"),
    Key("s", "source", "source", "Source: the line that is to blame", "s"),
    Key("e", "edit", "edit", "Edit at the line that is to blame", "e"),
    Key("Y", "copy('command')", "copy", "Copy the command", "Y"),
    Key("S", "copy('script')", "copy", "Copy the script", "S"),
    *EVERYWHERE,
)

DIG = (
    Key("escape,d", "leave", "back", "Back; what is being dug for is given up", "Esc"),
    Key("n", "worst(1)", "worst", "Next worst element", "n"),
    Key("N", "worst(-1)", "worst", "Worst element before", "N"),
    Key("o", "other_seed", "other seed", "The same element under another seed", "o"),
    Key("s", "source", "source", "Source: the line that is to blame", "s"),
    Key("y", "copy('element')", "copy", "Copy the element", "y"),
    Key("tab", "app.focus_next", "pane", "Next pane; arrows scroll it", "Tab"),
    *EVERYWHERE,
)

COMPARE = (
    Key("escape,c", "app.pop_screen", "back", "Back", "Esc"),
    Key("n", "worst(1)", "worst", "Next worst element", "n"),
    Key("N", "worst(-1)", "worst", "Worst element before", "N"),
    Key("a", "next_gradient(1)", "grad", "Next gradient", "a"),
    Key("A", "next_gradient(-1)", "grad", "Gradient before", "A"),
    Key("1", "column('yours')", "columns", "Column of yours, shown or not", "1"),
    Key("2", "column('autodiff')", "columns", "Column of autodiff", "2"),
    Key("3", "column('difference')", "columns", "Column of the finite differences", "3"),
    Key("4", "column('error')", "columns", "Column of yours − reference", "4"),
    Key("5", "column('ratio')", "columns", "Column of yours / reference", "5"),
    Key("6", "column('times')", "columns", "Column of the error in tolerances", "6"),
    Key("7", "column('input')", "columns", "Column of the input's values", "7"),
    *MOVES,
    *PLANES,
    *EVERYWHERE,
)
