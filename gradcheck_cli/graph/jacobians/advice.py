"""What to multiply in place of the explicit Jacobian: candidates, each computed and compared before it is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.graph.jacobians.dimension_analysis import labels, product_line
from gradcheck_cli.graph.jacobians.entries import Entry
from gradcheck_cli.graph.jacobians.functions import Factor, factors, gates
from gradcheck_cli.graph.jacobians.layers import of_known_layers
from gradcheck_cli.graph.jacobians.seen import Array, Seen, constant
from gradcheck_cli.graph.jacobians.wording import letters

_TOLERANCE = 1e-8

Rule = Callable[[Array, Seen], Array]
"""The gradient of the argument by the upstream gradient (in the output's shape), as the text says it."""


@dataclass(frozen=True)
class Advice:
    """A formula without the Jacobian.

    Attributes:
        text: `∂e/∂x = ∂e/∂z · Wᵀ`.
        shapes: `∂e/∂x (N×D) = ∂e/∂z (N×M) · Wᵀ (M×D)`; "" where it is no matrix product.
    """

    text: str
    shapes: str = ""


def without_jacobian(entry: Entry | None, draws: Sequence[Seen]) -> list[Advice]:
    """The first candidate that gives the vector-Jacobian product at every draw; none where none does.

    A single draw proves nothing: values may agree by chance.
    """
    if len(draws) < 2:
        return []
    for advice, rule in _candidates(entry, draws[0]):
        if all(_gives_the_product(rule, seen) for seen in draws):
            return [advice]
    return []


def _gives_the_product(rule: Rule, seen: Seen) -> bool:
    rng = np.random.default_rng(len(seen.matrix))
    upstream = rng.uniform(0.5, 2.0, seen.output.shape) * rng.choice([-1.0, 1.0], seen.output.shape)
    expected = upstream.reshape(-1) @ seen.matrix
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(rule(upstream, seen), np.float64)
    except (ValueError, LookupError, TypeError):  # shapes that this rule is not made for
        return False
    if found.size != expected.size:
        return False
    scale = max(float(np.abs(expected).max(initial=0.0)), 1e-300)
    return bool(np.all(np.abs(found.reshape(-1) - expected) <= _TOLERANCE * scale))


def _candidates(entry: Entry | None, seen: Seen) -> Iterator[tuple[Advice, Rule]]:
    left, up = f"∂{seen.upstream}/∂{seen.argument.name}", f"∂{seen.upstream}/∂{seen.output.name}"
    if seen.scale == 0:
        yield Advice(f"{left} = 0"), lambda _, s: np.zeros(s.argument.shape)
        return
    if entry is not None:
        yield from _element_by_element(entry, seen, left, up)
        yield from _moved(entry, seen, left, up)
        yield from _matrix_products(entry, seen, left, up)
    for text, rule in of_known_layers(seen, left, up):
        yield Advice(text), rule
    if seen.output.value.size == seen.argument.value.size:
        names = ", ".join(labels(seen.argument)) if seen.argument.value.ndim > 1 else str(seen.argument.value.size)
        yield Advice(f"{left} = reshape({up}, ({names}))"), lambda u, s: u.reshape(s.argument.shape)
    if entry is not None and (summed := _as_einsum(entry, seen, left, up)) is not None:
        yield summed


def _element_by_element(entry: Entry, seen: Seen, left: str, up: str) -> Iterator[tuple[Advice, Rule]]:
    """`∂e/∂z * I[x > 0]`, summed over the axes along which the argument was copied."""
    scale, read = _prefix(entry, seen), _reader([part.factor for part in entry.parts])
    of_output, of_argument = {p for p, _ in entry.pairs}, {q for _, q in entry.pairs}
    copied = tuple(k for k, n in enumerate(seen.output.shape) if n > 1 and k not in of_output)
    summed = tuple(k for k, n in enumerate(seen.argument.shape) if n > 1 and k not in of_argument)
    count = entry.constant

    def product(u: Array, s: Seen) -> Array:
        for factor in read(s):
            u = u * factor
        return count * u

    factors_text = "".join(f" * {_code(part.factor)}" for part in entry.parts)
    if not summed and not copied:
        yield Advice(f"{left} = {scale}{up}{factors_text}"), product
    if copied and not summed:
        axes = "" if len(copied) == sum(n > 1 for n in seen.output.shape) else _axes_text(copied)
        text = f"{left} = {scale}sum({up}{factors_text}{axes})"
        yield Advice(text), lambda u, s: _as_argument(product(u, s).sum(axis=copied), s)
    if summed and not copied:
        index = _expanding(seen, summed)
        text = f"{left} = {scale}{up}{index}{factors_text}"
        if not entry.parts:
            names = [seen.argument.dimension(q) or f"axis {q}" for q in summed]
            text += f", copied along {' and '.join(names)}"

        def spread(u: Array, s: Seen) -> Array:
            kept = [n for k, n in enumerate(s.argument.shape) if k not in summed]
            shape = [1 if k in summed else n for k, n in enumerate(s.argument.shape)]
            if [n for n in u.shape if n > 1] != [n for n in kept if n > 1]:
                raise ValueError
            return np.broadcast_to(product(u.reshape(shape), s), s.argument.shape)

        yield Advice(text), spread


def _moved(entry: Entry, seen: Seen, left: str, up: str) -> Iterator[tuple[Advice, Rule]]:
    """The axes in another order."""
    ndim = seen.output.value.ndim
    if entry.parts or len(entry.pairs) != ndim or ndim != seen.argument.value.ndim:
        return
    order = tuple(p for p, _ in sorted(entry.pairs, key=lambda pair: pair[1]))
    text = f"{up}ᵀ" if ndim == 2 else f"transpose({up}, {order})"
    count = entry.constant
    yield Advice(f"{left} = {_prefix(entry, seen)}{text}"), lambda u, _: count * u.transpose(order)


def _matrix_products(entry: Entry, seen: Seen, left: str, up: str) -> Iterator[tuple[Advice, Rule]]:
    """`∂e/∂z · Wᵀ`, `xᵀ · ∂e/∂z`, after a gate where the layer has one."""
    if not entry.parts:
        return
    gate = entry.parts[0].factor if len(entry.parts) == 2 else None
    other = entry.parts[-1].factor
    scale, count = _prefix(entry, seen), entry.constant
    name, read = other.text(other.named.name), _reader([other] if gate is None else [other, gate])
    above = up if gate is None else f"({up} * {_code(gate)})"
    if other.values.ndim == 0:
        return

    def made(turn_up: bool, turn_other: bool, up_first: bool) -> Rule:
        def rule(u: Array, s: Seen) -> Array:
            values = [np.atleast_2d(value) for value in read(s)]
            upstream = np.atleast_2d(u) if gate is None else np.atleast_2d(u) * values[1]
            first = np.swapaxes(upstream, -1, -2) if turn_up else upstream
            second = np.swapaxes(values[0], -1, -2) if turn_other else values[0]
            return _as_argument(count * (first @ second if up_first else second @ first), s)

        return rule

    upstream_axes, other_axes = labels(seen.output), labels(other.named)
    for turn_up, turn_other, up_first in (
        (False, True, True),
        (False, False, True),
        (False, True, False),
        (False, False, False),
        (True, True, True),
        (True, False, True),
        (True, True, False),
        (True, False, False),
    ):
        one = f"{above}{'ᵀ' if turn_up else ''}"
        two = f"{name}{'ᵀ' if turn_other else ''}"
        terms = [(one, upstream_axes[::-1] if turn_up else upstream_axes)]
        terms.insert(1 if up_first else 0, (two, other_axes[::-1] if turn_other else other_axes))
        text = f"{left} = {scale}{terms[0][0]} · {terms[1][0]}"
        is_flat = max(len(upstream_axes), len(other_axes)) == 2
        shapes = product_line((left, labels(seen.argument)), terms) if is_flat else ""
        yield Advice(text, shapes), made(turn_up, turn_other, up_first)


def _as_einsum(entry: Entry, seen: Seen, left: str, up: str) -> tuple[Advice, Rule] | None:
    """The general case: a sum over the indices that the argument has not."""
    names, count = letters(seen, ()), seen.output.value.ndim
    joined = {count + q: p for p, q in entry.pairs}
    letter = {axis: names[joined.get(axis, axis)] for axis in names}
    given = ["".join(letter[axis] for axis in range(count) if axis in letter)]
    given += ["".join(letter[axis] for axis in part.axes if axis is not None) for part in entry.parts]
    wanted = "".join(letter[axis] for axis in range(count, count + seen.argument.value.ndim) if axis in letter)
    if not set(wanted) <= set("".join(given)) or not entry.parts:
        return None
    read, scale = _reader([part.factor for part in entry.parts]), entry.constant
    spec = f"{','.join(given)}->{wanted}"

    def rule(u: Array, s: Seen) -> Array:
        return _as_argument(scale * np.einsum(spec, *(value.squeeze() for value in (u, *read(s)))), s)

    factors_text = ", ".join(part.factor.text(part.factor.named.name) for part in entry.parts)
    return Advice(f"{left} = {_prefix(entry, seen)}einsum('{spec}', {up}, {factors_text})"), rule


def _reader(wanted: Sequence[Factor]) -> Callable[[Seen], list[Array]]:
    """The same functions of the same arrays at another draw."""

    def read(seen: Seen) -> list[Array]:
        known = {(one.template, one.named.name): one.values for one in (*gates(seen), *factors(seen))}
        return [known.get((one.template, one.named.name), one.values) for one in wanted]

    return read


def _code(factor: Factor) -> str:
    """With every product written out."""
    return re.sub(r"(?<=[\w)²]) \(", " * (", factor.text(factor.named.name))


def _prefix(entry: Entry, seen: Seen) -> str:
    return {1.0: "", -1.0: "-"}.get(entry.constant, f"{constant(entry.constant, seen)} ")


def _axes_text(axes: Sequence[int]) -> str:
    return f", axis={axes[0]}" if len(axes) == 1 else f", axis=({', '.join(map(str, axes))})"


def _expanding(seen: Seen, summed: Sequence[int]) -> str:
    """`[:, None]`, where NumPy would not do it by itself."""
    ndim = seen.argument.value.ndim
    if seen.output.value.size == 1 or seen.output.value.ndim == ndim or list(summed) == list(range(len(summed))):
        return ""
    return "[" + ", ".join("None" if axis in summed else ":" for axis in range(ndim)) + "]"


def _as_argument(found: Array, seen: Seen) -> Array:
    if found.size != seen.argument.value.size:
        raise ValueError
    return found.reshape(seen.argument.shape)
