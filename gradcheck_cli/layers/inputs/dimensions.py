"""Shapes as people write them, `(N, d_1, ..., d_k)`, `D x M`, `[N, 4*H]`, read into a name or a size for each axis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

Dimensions = tuple[str | int, ...]

_NAME = r"[^\W\d]\w*'*"
_TOKEN = re.compile(rf"\s*(?:(?P<number>\d+)|(?P<name>{_NAME})|(?P<operator>//|\*\*|[-+*/^()×·]))")
_SERIES = re.compile(r"^(?P<stem>.*?)_?(?P<index>\d+)$")
_NOT_A_DIMENSION = frozenset(
    "and or the a an of is are to for with array ndarray float int optional default same as shape any tuple list "
    "none true false np numpy jnp input inputs output outputs if else required dtype i e g float32 float64 int32 int64 "
    "str bool dict callable data matrix vector tensor scalar string number function module".split()
)


def parse_shape(text: str) -> Dimensions | None:
    """The axes of one written shape, or None where `text` is not one.

    Accepts `(N, D)`, `[N, D]`, `N, D`, `(D,)`, `D`, `()`, `N x D`, `N×D`, `N-by-D`. An axis is a name, a size, or an
    expression of them (`4*H`, `4H`, `T + 1`), kept as a string without spaces. `d_1, ..., d_k` becomes two axes
    `d_1, d_2`; a lone `...` or `*` becomes one axis called `...`.
    """
    text = re.sub(r"(\.\.\.|…)\s+(?=\w)", r"\1, ", _unquoted(text))
    if text[:1] in "([" and text[-1:] in ")]" and _closes(text):
        text = text[1:-1].strip()
        if not text:
            return ()
    elif not text:
        return None
    pieces = _split(text)
    if len(pieces) == 1:
        pieces = re.split(r"\s+[x×X]\s+|×|\s*-?\bby\b-?\s*", pieces[0])
        if len(pieces) == 1 and re.fullmatch(r"\d+(x\d+)+", pieces[0]):
            pieces = pieces[0].split("x")
    pieces = [piece for piece in pieces if piece.strip()]
    axes: list[str | int] = []
    for position, piece in enumerate(pieces):
        if piece.strip() in ("...", "…", "..", ". . ."):
            following = pieces[position + 1] if position + 1 < len(pieces) else ""
            if not _continue_series(axes, following):
                axes.append("...")
            continue
        if position and pieces[position - 1].strip() in ("...", "…", "..") and _in_series(axes, piece):
            continue
        axis = parse_axis(piece)
        if axis is None:
            return None
        axes.append(axis)
    return tuple(axes)


def parse_axis(text: str) -> str | int | None:
    """One axis: a size, a name, or an expression of names in a canonical spelling; None where it is none of these."""
    text = _unquoted(text)
    if text == "*":
        return "..."
    if re.fullmatch(r"\d+", text):
        return int(text)
    if not text or len(text) > 40 or "=" in text:
        return _after_equals(text)
    words = text.split()
    if len(words) in (2, 3) and all(re.fullmatch(r"[A-Za-z]\w*", word) for word in words):
        text = "_".join(words)
        if any(word.lower() in _NOT_A_DIMENSION for word in words):
            return None
    if len(text) > 1 and text.lower() in _NOT_A_DIMENSION:
        return None
    tokens = _tokens(text)
    if tokens is None:
        return None
    if len(tokens) == 1:
        return tokens[0]
    spelled = "".join(tokens)
    sizes = dict.fromkeys(names_in([spelled]), 12)
    return spelled if sizes and evaluate(spelled, sizes) is not None else None


def names_in(dimensions: Iterable[str | int]) -> tuple[str, ...]:
    """The names that occur in these axes, expressions included, each once, in order."""
    found: dict[str, None] = {}
    for axis in dimensions:
        if isinstance(axis, str):
            if axis in ("", "..."):
                found[axis] = None
                continue
            for token in _tokens(axis) or [axis]:
                if re.fullmatch(_NAME, token):
                    found[token] = None
    return tuple(name for name in found if name)


def evaluate(axis: str | int, sizes: Mapping[str, int]) -> int | None:
    """The size of an axis; None where a name is unknown, or the expression is no positive whole number."""
    if isinstance(axis, int):
        return axis
    if axis in sizes:
        return sizes[axis]
    tokens = _tokens(axis)
    if tokens is None:
        return None
    try:
        value, rest = _sum(tokens, sizes)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    if rest or value.denominator != 1 or value < 1:
        return None
    return int(value)


def is_expression(axis: str | int) -> bool:
    """Whether an axis is computed from names (`4*H`) rather than a name or a size itself."""
    return isinstance(axis, str) and names_in([axis]) != (axis,)


def written(dimensions: Iterable[str | int]) -> str:
    """A shape as `--shape` takes it: `N,D`."""
    return ",".join(str(axis) for axis in dimensions)


def shown(dimensions: Iterable[str | int], sizes: Mapping[str, int]) -> str:
    """A shape for people, with sizes: `(N=4, D=5)`."""
    parts = [
        f"{axis}={size}" if isinstance(axis, str) and (size := evaluate(axis, sizes)) is not None else str(axis)
        for axis in dimensions
    ]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _unquoted(text: str) -> str:
    text = text.strip()
    while len(text) > 1 and text[0] == text[-1] and text[0] in "`\"'":
        text = text[1:-1].strip()
    return text


def _closes(text: str) -> bool:
    """Whether the bracket that opens `text` is closed by its last character and not before."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0:
            return position == len(text) - 1
    return False


def _split(text: str) -> list[str]:
    pieces, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            pieces.append(text[start:position])
            start = position + 1
    return [*pieces, text[start:]]


def _continue_series(axes: list[str | int], following: str) -> bool:
    """Extend `d_1` or `d_1, d_2` to two axes where `...` and a last member of the same series follow."""
    last = axes[-1] if axes else None
    match = _SERIES.match(last) if isinstance(last, str) else None
    if match is None or not _in_series(axes, following):
        return False
    members = [axis for axis in axes if isinstance(axis, str) and _stem(axis) == match["stem"]]
    if len(members) == 1:
        separator = "_" if "_" in members[0] else ""
        axes.append(f"{match['stem']}{separator}{int(match['index']) + 1}")
    return True


def _in_series(axes: list[str | int], text: str) -> bool:
    stems = {_stem(axis) for axis in axes if isinstance(axis, str)} - {None}
    last = re.fullmatch(r"(.+?)_?\{?([a-zA-Z]|\d+)\}?", text.strip())
    return last is not None and last[1] in stems


def _stem(axis: str) -> str | None:
    match = _SERIES.match(axis)
    return match["stem"] if match and match["stem"] else None


def _after_equals(text: str) -> str | int | None:
    """`D=4` is the size; `D = d_1*d_2` is the name."""
    match = re.fullmatch(rf"({_NAME})\s*=\s*(.+)", text)
    if match is None:
        return None
    return int(match[2]) if match[2].isdigit() else match[1]


def _tokens(text: str) -> list[str] | None:
    """Tokens with implicit products (`4H`) made explicit; None where something else is in the text."""
    tokens: list[str] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return None
        token = match.group().strip()
        token = {"×": "*", "·": "*", "^": "**"}.get(token, token)
        if tokens and tokens[-1].isdigit() and match["name"]:
            tokens.append("*")
        elif tokens and (tokens[-1].isdigit() or re.fullmatch(_NAME, tokens[-1])) and not match["operator"]:
            return None
        tokens.append(token)
        position = match.end()
    return tokens or None


def _sum(tokens: list[str], sizes: Mapping[str, int]) -> tuple[Fraction, list[str]]:
    value, rest = _product(tokens, sizes)
    while rest and rest[0] in "+-":
        other, after = _product(rest[1:], sizes)
        value, rest = (value + other if rest[0] == "+" else value - other), after
    return value, rest


def _product(tokens: list[str], sizes: Mapping[str, int]) -> tuple[Fraction, list[str]]:
    value, rest = _power(tokens, sizes)
    while rest and rest[0] in ("*", "/", "//"):
        other, after = _power(rest[1:], sizes)
        if rest[0] == "*":
            value *= other
        else:
            value = Fraction(value // other) if rest[0] == "//" else value / other
        rest = after
    return value, rest


def _power(tokens: list[str], sizes: Mapping[str, int]) -> tuple[Fraction, list[str]]:
    value, rest = _atom(tokens, sizes)
    if rest and rest[0] == "**":
        exponent, rest = _atom(rest[1:], sizes)
        if exponent.denominator != 1 or not 0 <= exponent <= 8:
            raise ValueError("no small whole exponent")
        value = value**exponent.numerator
    return value, rest


def _atom(tokens: list[str], sizes: Mapping[str, int]) -> tuple[Fraction, list[str]]:
    if not tokens:
        raise ValueError("an operand is missing")
    head, rest = tokens[0], tokens[1:]
    if head == "(":
        value, rest = _sum(rest, sizes)
        if not rest or rest[0] != ")":
            raise ValueError("a parenthesis is open")
        return value, rest[1:]
    if head.isdigit():
        return Fraction(int(head)), rest
    if head in sizes:
        return Fraction(sizes[head]), rest
    raise ValueError(f"no size for {head}")
