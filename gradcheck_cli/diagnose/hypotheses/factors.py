"""What a number c may be: −1, 2, ½, N, 1/N, √D, a setting of the layer or its inverse."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

from gradcheck_cli.diagnose.cause import sizes_of
from gradcheck_cli.judge.words import number

LARGEST = 9
"""Numerator and denominator of what counts as a fraction."""

EXACT = 1e-9
"""How far c may be from what it is named, as a share, where the tolerances allow less."""

COARSE = 1e-3
"""Where c is known no better than this, only the simplest names are tried: others lie too close together."""

SIMPLE = 2
"""Ranks up to this one name a number that people forget; a gradient of one or two elements needs such a number."""

UNNAMED = 9

LEAST_PLAIN = 0.24
"""1/4 and more are numbers that people write; less is rather a mean over what has that size."""


@dataclass(frozen=True)
class Factor:
    """A name for c.

    Attributes:
        text: `1/N`; with a minus sign where c is negative.
        rank: how far-fetched it is.
        value: in the case at hand.
        sizes: the dimensions whose product, or its inverse, it is; () where it is something else.
        inverse: what c has to be multiplied by, as one would write it.
        given: the names of sizes in it.
        set_to: the settings in it, with their values: `p = 0.3`.
    """

    text: str
    rank: int
    value: float
    sizes: tuple[str, ...] = ()
    inverse: str = ""
    given: tuple[str, ...] = ()
    set_to: str = ""

    @property
    def note(self) -> str:
        """` (p = 0.3)`; sizes are told of the draw that is shown."""
        if self.set_to and not self.given:
            return f" ({self.set_to})"
        return sizes_of(self.given) if self.given else ""

    @property
    def is_one(self) -> bool:
        """Whether it says nothing."""
        return self.text == "1"


ONE = Factor("1", 0, 1.0)


def names_of(c: float, slack: float, sizes: Mapping[str, int], numbers: Mapping[str, float]) -> tuple[Factor, ...]:
    """Everything that c can be called, and last its plain value.

    Args:
        slack: by how much c may be off, as a share.
        sizes, numbers: see `Failing`.
    """
    if abs(c - 1) <= max(slack, EXACT):
        return (ONE,)
    sign = "-" if c < 0 else ""
    found = [
        Factor(
            f"{sign}{text}",
            rank,
            c,
            of,
            inverse=f"{sign}{inverse}",
            given=_in(text, sizes),
            set_to=", ".join(f"{name} = {number(numbers[name])}" for name in _in(text, numbers)),
        )
        for text, value, rank, of, inverse in _candidates(sizes, numbers)
        if abs(abs(c) - value) <= max(slack, EXACT) * value and (slack <= COARSE or rank <= SIMPLE)
    ]
    if abs(c + 1) <= max(slack, EXACT):
        found.insert(0, Factor("-1", 1, -1.0, inverse="-1"))
    if number(c, 6) == "1":
        return tuple(found)  # an `eps`, or digits that ran out: "1 times the gradient" says nothing
    return (*found, Factor(number(c, 6), UNNAMED, c, inverse=f"1/{number(c, 6)}" if c > 0 else ""))


def _in(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that another one is made of."""
    return tuple(name for name in names if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.\[])", text))


def common(
    first: tuple[Factor, ...], second: tuple[Factor, ...], slack: float, is_likely: Callable[[Factor], bool]
) -> Factor | None:
    """The simplest name that holds in both cases; None where there is none.

    What is the same number in both cases, although it could be a size, may well be just that number.

    Args:
        is_likely: whether a size is one that people divide by there.
    """
    others = {factor.text: factor for factor in second if factor.rank < UNNAMED}
    shared = []
    for factor in first:
        if factor.text in others:
            is_same = _is_close(factor, others[factor.text], slack)
            if factor.set_to != others[factor.text].set_to:  # a scalar that is drawn: another draw is shown
                factor = replace(factor, set_to="")
            shared.append((factor.rank + (_same_size(factor, is_likely(factor)) if is_same else 0), factor))
    if shared:
        return min(shared, key=lambda pair: pair[0])[1]
    one, other = first[-1], second[-1]
    return one if UNNAMED in (one.rank, other.rank) and _is_close(one, other, slack) else None


def _is_close(one: Factor, other: Factor, slack: float) -> bool:
    return abs(one.value - other.value) <= max(slack, EXACT) * abs(one.value)


def _same_size(factor: Factor, is_likely: bool) -> int:
    """How much more far-fetched a size is that did not change: an axis without a name most of all."""
    if not factor.sizes:
        return 0
    if is_likely and factor.text.startswith("1/") and factor.value < LEAST_PLAIN:
        return -1
    return 5 if any("[" in name for name in factor.sizes) else 1


_Named = tuple[str, float, int, tuple[str, ...], str]


def _candidates(sizes: Mapping[str, int], numbers: Mapping[str, float]) -> Iterator[_Named]:
    yield from _fractions()
    telling = {name: size for name, size in sizes.items() if size > 1}
    for name, size in telling.items():
        for text, value, rank, inverse in _powers(name, size):
            yield text, value, rank + _far(name), (name,) if rank == SIMPLE else (), inverse
        if size > 2:
            yield f"({name} - 1)", size - 1.0, 5, (), f"1/({name} - 1)"
            yield f"1/({name} - 1)", 1 / (size - 1), 5, (), f"({name} - 1)"
            yield f"{name}/({name} - 1)", size / (size - 1), 5, (), f"({name} - 1)/{name}"
            yield f"({name} - 1)/{name}", (size - 1) / size, 5, (), f"{name}/({name} - 1)"
    for count, rank in ((2, 3), (3, 4)):
        for chosen in combinations(telling, count):
            product = float(math.prod(telling[name] for name in chosen))
            text = "·".join(chosen)
            far = rank + sum(map(_far, chosen))
            yield text, product, far, chosen, f"1/({text})"
            yield f"1/({text})", 1 / product, far, chosen, text
    for (one, size), (other, by) in combinations(telling.items(), 2):
        yield f"{one}/{other}", size / by, 4, (), f"{other}/{one}"
        yield f"{other}/{one}", by / size, 4, (), f"{one}/{other}"
        yield f"√({one}/{other})", math.sqrt(size / by), 5, (), f"√({other}/{one})"
        yield f"√({other}/{one})", math.sqrt(by / size), 5, (), f"√({one}/{other})"
    for name, value in numbers.items():
        if value > 0 and value not in (1.0, 2.0) and math.isfinite(value):
            for text, power, rank, inverse in _powers(name, value):
                yield text, power, rank, (), inverse
        if 0 < value < 1:
            yield f"(1 - {name})", 1 - value, 2, (), f"1/(1 - {name})"
            yield f"1/(1 - {name})", 1 / (1 - value), 2, (), f"(1 - {name})"
            yield f"(1 - {name})/{name}", (1 - value) / value, 3, (), f"{name}/(1 - {name})"
            yield f"{name}/(1 - {name})", value / (1 - value), 3, (), f"(1 - {name})/{name}"


def _far(name: str) -> int:
    """Sizes of the output are rather those of an input, where they are the same."""
    return int(name.startswith("out."))


def _powers(name: str, value: float) -> tuple[tuple[str, float, int, str], ...]:
    root = math.sqrt(value)
    return (
        (name, value, SIMPLE, f"1/{name}"),
        (f"1/{name}", 1 / value, SIMPLE, name),
        (f"√{name}", root, 3, f"1/√{name}"),
        (f"1/√{name}", 1 / root, 3, f"√{name}"),
        (f"{name}²", value**2, 4, f"1/{name}²"),
        (f"1/{name}²", 1 / value**2, 4, f"{name}²"),
    )


@cache
def _fractions() -> tuple[_Named, ...]:
    """2, ½, 3, ⅓, ..., and products of whole numbers that people write out, with √2 and π."""
    found: list[_Named] = []
    for p in range(1, LARGEST + 1):
        for q in range(1, LARGEST + 1):
            if p != q and math.gcd(p, q) == 1:
                simple = 1 if {p, q} == {1, 2} else 2 if 1 in (p, q) and max(p, q) <= 4 else 4
                found.append((_over(p, q), p / q, simple, (), _over(q, p)))
    for number_, text in ((10.0, "10"), (100.0, "100"), (math.sqrt(2), "√2"), (math.pi, "π"), (2 * math.pi, "2π")):
        found.append((text, number_, 4, (), f"1/{text}"))
        found.append((f"1/{text}", 1 / number_, 4, (), text))
    return tuple(found)


def _over(p: int, q: int) -> str:
    return str(p) if q == 1 else f"{p}/{q}"
