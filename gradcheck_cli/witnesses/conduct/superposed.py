"""The backward under other upstream gradients: a sum of two, one of them scaled, and zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.leaves import at, fresh, is_floating, rebuild
from gradcheck_cli.witnesses.conduct.once_more import OnceMore
from gradcheck_cli.witnesses.conduct.situations import Gradients, Situations
from gradcheck_cli.witnesses.upstream import like, widened

Tree = tuple[Any, ...]

STREAM = 0x53
"""Sets this stage's random numbers apart from those of other stages under the same seed."""

COEFFICIENTS = (-1.5, -1.25, -0.75, -0.5, 0.5, 0.75, 1.25, 1.5)
"""What the two are weighed with in their sum: none near zero or one, all exact in every dtype."""


@dataclass(frozen=True)
class Superposed:
    """Gradients under several upstream gradients, all at the same inputs.

    Attributes:
        a, b, c: the coefficients.
        upstream, other: the upstream gradients g and h.
        first, second: backward(g), backward(h).
        combined: backward(a·g + b·h); None where it raised, as for the others.
        scaled: backward(c·g).
        zero: backward(0).
        errors: what was raised, with what the upstream gradient was.
    """

    a: float
    b: float
    c: float
    upstream: Tree
    other: Tree
    first: Gradients
    second: Gradients | None
    combined: Gradients | None
    scaled: Gradients | None
    zero: Gradients | None
    errors: tuple[tuple[str, UserError], ...] = ()


def superposed(situations: Situations, once: OnceMore, c: float, *, same_cache: bool) -> Superposed:
    """Run the backward under four more upstream gradients.

    Args:
        c: what one of them is scaled with: a power of two, so that a linear backward follows without rounding.
        same_cache: on the cache of `once`, for layers whose arrays are immutable; else after a forward of its own.
    """
    case, upstream = situations.case, situations.subject.upstream.cotangents
    rng = np.random.default_rng((case.seed, case.draw, STREAM))
    a, b = (float(number) for number in rng.choice(COEFFICIENTS, 2))
    other = _each(upstream, lambda values: _shuffled(values, rng))
    combined = _both(upstream, other, lambda one, two: a * one + b * two)
    errors: list[tuple[str, UserError]] = []

    def gradients(what: str, cotangents: Tree) -> Gradients | None:
        handed = tuple(fresh(cotangent) for cotangent in cotangents)
        try:
            if same_cache:
                return situations.backward(once.forwarded, handed).gradients
            return situations.gradients(handed)
        except UserError as error:
            errors.append((what, error))
            return None

    return Superposed(
        a,
        b,
        c,
        upstream,
        other,
        once.pulled.gradients,
        gradients("another one", other),
        gradients("the sum of two", combined),
        gradients(f"{c:g} times as large", _each(upstream, lambda values: c * values)),
        gradients("zero", _each(upstream, np.zeros_like)),
        tuple(errors),
    )


def _shuffled(values: Any, rng: np.random.Generator) -> Any:
    """The same magnitudes (times 3/4) in another order and with other signs."""
    mixed = rng.permutation(values.reshape(-1)).reshape(values.shape)
    return 0.75 * mixed * rng.choice((-1.0, 1.0), values.shape)


def _each(tree: Tree, change: Callable[[Any], Any]) -> Tree:
    def leaf(_: Any, value: Any) -> Any:
        return like(value, np.asarray(change(widened(value)))) if is_floating(value) else fresh(value)

    return tuple(rebuild(item, leaf) for item in tree)


def _both(tree: Tree, other: Tree, change: Callable[[Any, Any], Any]) -> Tree:
    def joined(one: Any, two: Any) -> Any:
        def leaf(path: Any, value: Any) -> Any:
            if not is_floating(value):
                return fresh(value)
            return like(value, np.asarray(change(widened(value), widened(at(two, path)))))

        return rebuild(one, leaf)

    return tuple(joined(one, two) for one, two in zip(tree, other))
