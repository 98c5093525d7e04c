"""The map of wrong elements as lines of text, with the axes' names."""

from __future__ import annotations

from rich.text import Text

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import QUIET
from gradcheck_cli.report.model import ArgumentReport
from gradcheck_cli.report.screen import Screen
from gradcheck_cli.report.where_map import WhereMap, shade, spaced, where_map


def map_view(argument: ArgumentReport, screen: Screen, indent: int = 4) -> list[Text]:
    """Lines that show where the wrong elements are; none where every element is wrong, or only one exists."""
    wrong = argument.wrong_map
    if wrong is None or wrong.size < 2 or not wrong.any():
        return []
    if wrong.all():
        return [_indented("every element is wrong", indent, QUIET)]
    map_ = where_map(wrong, columns=max(8, screen.width - indent - 14))
    if map_ is None:
        return []
    return [*_legend(map_, argument, screen, indent), *_picture(map_, argument, screen, indent)]


def _legend(map_: WhereMap, argument: ArgumentReport, screen: Screen, indent: int) -> list[Text]:
    axes = []
    if map_.row_axis is not None:
        axes.append(f"{_axis(argument, map_.row_axis)} {screen.marks.down}")
    if map_.column_axis is not None:
        axes.append(f"{_axis(argument, map_.column_axis)} {screen.marks.right}")
    parts = [f"where it is wrong: {'  '.join(axes)}"]
    if map_.folded:
        names = ", ".join(_axis(argument, axis) for axis in map_.folded)
        parts.append(f"folded over {names}")
    if map_.row_block > 1 or map_.column_block > 1:
        size = f"{map_.row_block} x {map_.column_block}" if map_.row_axis is not None else f"{map_.column_block}"
        parts.append(f"a mark is up to {size} elements")
    line = screen.text(screen.marks.dot.join(parts), QUIET)
    partly = bool(((map_.share > 0) & (map_.share < 1)).any())
    key = [line]
    if partly:
        marks = screen.marks.shades
        key.append(screen.text(f"{marks[0]} none wrong  {' '.join(marks[1:-1])} some  {marks[-1]} all", QUIET))
    return [_pad(item, indent) for item in key]


def _picture(map_: WhereMap, argument: ArgumentReport, screen: Screen, indent: int) -> list[Text]:
    labels = [
        _range(row * map_.row_block, map_.row_block, _size(argument, map_.row_axis)) for row in range(len(map_.share))
    ]
    margin = max(len(label) for label in labels)
    gap = " " if spaced(map_) else ""
    lines = []
    for label, shares in zip(labels, map_.share):
        line = Text(" " * indent)
        line.append(label.rjust(margin) + ("  " if margin else ""), style=QUIET)
        for share in shares:
            mark = shade(float(share), screen.marks.shades)
            line.append(mark + gap, style="red" if share > 0 else QUIET)
        lines.append(line)
    return lines


def _range(start: int, block: int, size: int | None) -> str:
    """The rows a line stands for: `3`, or `4-7`; nothing where the map has but one line."""
    if size is None:
        return ""
    last = min(start + block, size) - 1
    return str(start) if last <= start else f"{start}-{last}"


def _size(argument: ArgumentReport, axis: int | None) -> int | None:
    if axis is None or argument.wrong_map is None:
        return None
    return int(argument.wrong_map.shape[axis])


def _axis(argument: ArgumentReport, axis: int) -> str:
    """The user's name of an axis, `axis 2` where it has none."""
    names = argument.dimensions
    name = one_line(names[axis]) if axis < len(names) else ""
    return name or f"axis {axis}"


def _indented(content: str, indent: int, style: str) -> Text:
    return Text(" " * indent + content, style=style)


def _pad(line: Text, indent: int) -> Text:
    padded = Text(" " * indent)
    padded.append_text(line)
    return padded
