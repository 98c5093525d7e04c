"""A part of a JSON document that somebody else wrote, read with its place: what is wrong in it is said by name."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from gradcheck_cli.report.model import Status

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_UNSAID = object()
_SPELLED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Malformed(ValueError):
    """The document is not what it must be; the message says where, and what is there."""


def parse(content: bytes) -> Part:
    """The whole document.

    Raises:
        Malformed: where it is no strict JSON.
    """
    try:
        return Part(json.loads(content.decode("utf-8"), parse_constant=_refuse))
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except ValueError as error:
        raise Malformed(f"it is no JSON: {error}") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


@dataclass(frozen=True)
class Part:
    """A value, and where it stands: `layers[2].arguments[0].shape`."""

    value: Any
    place: str = ""

    def wrong(self, expected: str) -> Malformed:
        """The error that says what should stand here."""
        return Malformed(f"`{self.place or 'the document'}` is {_kind(self.value)}, not {expected}")

    def part(self, key: str, default: Any = _UNSAID) -> Part:
        """The value of a key; `default` where the key is missing.

        Raises:
            Malformed: where this is no object, or the key is missing and nothing stands in for it.
        """
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        found = self.value.get(key, default)
        if found is _UNSAID:
            raise Malformed(f"`{self.place or 'the document'}` has no `{key}`")
        return Part(found, f"{self.place}.{key}" if self.place else key)

    def items(self) -> Iterator[Part]:
        """The values of a list.

        Raises:
            Malformed: where this is none.
        """
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        for position, item in enumerate(self.value):
            yield Part(item, f"{self.place}[{position}]")

    def each(self, read: Callable[[Part], T]) -> tuple[T, ...]:
        """The values of a list, each read."""
        return tuple(read(item) for item in self.items())

    def pairs(self) -> Iterator[tuple[str, Part]]:
        """Keys and values of an object.

        Raises:
            Malformed: where this is none.
        """
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        for key, value in self.value.items():
            yield key, Part(value, f"{self.place}.{key}")

    def maybe(self, read: Callable[[Part], T]) -> T | None:
        """None for null, else what is read."""
        return None if self.value is None else read(self)

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self.wrong("a string")
        return self.value

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def whole(self, least: int | None = None) -> int:
        """A whole number of at most 63 bits, from `least` on."""
        value = self.value
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) >> 63:
            raise self.wrong("a whole number")
        if least is not None and value < least:
            raise Malformed(f"`{self.place}` is {value}, less than {least}")
        return value

    def size(self) -> int:
        """A whole number that is not negative."""
        return self.whole(0)

    def real(self) -> float:
        """A number; NaN and the infinities by their names."""
        if isinstance(self.value, str) and self.value in _SPELLED:
            return _SPELLED[self.value]
        if not isinstance(self.value, (int, float)) or isinstance(self.value, bool):
            raise self.wrong("a number")
        try:
            return float(self.value)
        except OverflowError:
            raise self.wrong("a number that can be held") from None

    def number(self) -> float | complex:
        """A number, which may be complex."""
        if isinstance(self.value, dict):
            return complex(self.part("real").real(), self.part("imag").real())
        return self.real()

    def shape(self) -> tuple[int, ...]:
        """A list of sizes; an index, too."""
        return self.each(Part.size)

    def texts(self) -> tuple[str, ...]:
        """A list of strings."""
        return self.each(Part.text)

    def status(self) -> Status:
        """A verdict."""
        return self.one_of(tuple(Status))

    def one_of(self, choices: Sequence[E]) -> E:
        """A string that is one of these."""
        said = self.text()
        for choice in choices:
            if choice.value == said:
                return choice
        raise Malformed(f"`{self.place}` is {said[:40]!r}, none of {', '.join(choice.value for choice in choices)}")


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
