"""GC207, GC304: a backward is linear in the upstream gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.contracts.comparing import Apart, apart, equal, rounding
from gradcheck_cli.judge.contracts.mutation import upstream_name
from gradcheck_cli.judge.contracts.overflow import held
from gradcheck_cli.judge.dimensions.receiving import finding
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.layers.precision import DOUBLE_EPSILON, epsilon
from gradcheck_cli.report.model import Finding, Status
from gradcheck_cli.witnesses.conduct.situations import Gradients
from gradcheck_cli.witnesses.conduct.superposed import Superposed

HALF = 1e-4
"""Dtypes with a larger epsilon have no room for large upstream gradients."""

SAFETY = 4.0
"""Each of the gradients in a sum has its own rounding."""


def large(dtype: np.dtype[Any]) -> float:
    """By how much an upstream gradient is scaled: enough to meet a clip, and a power of two."""
    return 2.0**10 if epsilon(dtype) < HALF else 2.0**4


def linear(verdict: DrawVerdict, seen: Superposed, at_ones: Gradients | None = None) -> tuple[Finding, ...]:
    """The most telling way in which each leaf's gradient is not linear.

    Args:
        at_ones: the reference for an upstream gradient of ones, where there is one.
    """
    found = []
    for position, leaf in enumerate(verdict.leaves):
        first = seen.first[position]
        if first is None or not np.isfinite(first).all() or _is_lost(leaf):
            continue
        one = at_ones[position] if at_ones is not None else None
        message, mend, code = _judged(verdict, leaf, seen, position, one)
        if message:
            found.append(finding(verdict.case, code, message, leaf.received.leaf.name, mend))
    return tuple(found)


def _is_lost(leaf: LeafVerdict) -> bool:
    """Whether the gradient is noise, or a narrow dtype does not hold it, of which what is left over- or underflows."""
    narrow = epsilon(leaf.received.leaf.value.dtype) > DOUBLE_EPSILON
    return leaf.is_noise or (narrow and leaf.status is Status.INCONCLUSIVE)


def _judged(
    verdict: DrawVerdict, leaf: LeafVerdict, seen: Superposed, position: int, at_ones: NDArray[Any] | None
) -> tuple[str, str, str]:
    name, dout = leaf.received.name, upstream_name(verdict.case)
    first = seen.first[position]
    second, scaled = _at(seen.second, position), _at(seen.scaled, position)
    assert first is not None
    # What is zero but for rounding is the same under every upstream gradient, and rightly so.
    tells = not equal(np.zeros_like(first), first, leaf)
    if tells and equal(second, first, leaf) and equal(scaled, first, leaf):
        ones = "; it is the gradient for an upstream of ones" if equal(first, at_ones, leaf) else ""
        message = f"`{name}` is the same whatever the upstream gradient `{dout}` is{ones}"
        return message, f"multiply the local derivative by `{dout}`", "GC207"
    if tells and scaled is not None and equal(scaled, seen.c**2 * first, leaf):
        message = (
            f"the upstream gradient `{dout}` enters `{name}` twice: {seen.c:,.0f} times the upstream gives "
            f"{seen.c**2:,.0f} times the gradient"
        )
        return message, f"multiply by `{dout}` once", "GC207"
    for sentence, difference in (
        (f"backward(0) is not zero: `{name}` differs in", _zero(leaf, seen, position)),
        (f"backward({seen.c:g}·g) is not {seen.c:g}·backward(g): `{name}` differs in", _scaled(leaf, seen, position)),
        (
            f"backward({seen.a:g}·g + {seen.b:g}·h) is not {seen.a:g}·backward(g) + {seen.b:g}·backward(h): "
            f"`{name}` differs in",
            _combined(leaf, seen, position),
        ),
    ):
        if difference is not None:
            message = f"not linear in the upstream gradient: {sentence} {difference.numbers}"
            return message, _mend(dout), "GC304"
    return "", "", ""


def _mend(dout: str) -> str:
    return (
        f"a gradient is a sum of `{dout}` times local derivatives: no clip, no sign or mask of `{dout}`, no "
        "normalising, no term without it; where that is meant, write `# gradcheck: expect[custom]`"
    )


def _at(gradients: Gradients | None, position: int) -> NDArray[Any] | None:
    return None if gradients is None else gradients[position]


def _zero(leaf: LeafVerdict, seen: Superposed, position: int) -> Apart | None:
    zero, first = _at(seen.zero, position), seen.first[position]
    if zero is None or first is None or zero.shape != first.shape:
        return None
    return apart(zero, np.zeros_like(first), rounding(leaf, first))


def _scaled(leaf: LeafVerdict, seen: Superposed, position: int) -> Apart | None:
    scaled, first = _at(seen.scaled, position), seen.first[position]
    if scaled is None or first is None or scaled.shape != first.shape:
        return None
    wanted = held(leaf, scaled, seen.c * first)
    return apart(scaled, wanted, SAFETY * seen.c * rounding(leaf, first))


def _combined(leaf: LeafVerdict, seen: Superposed, position: int) -> Apart | None:
    first, second, combined = seen.first[position], _at(seen.second, position), _at(seen.combined, position)
    if first is None or second is None or combined is None or not first.shape == second.shape == combined.shape:
        return None
    if not np.isfinite(second).all():
        return None
    allowed = abs(seen.a) * rounding(leaf, first) + abs(seen.b) * rounding(leaf, second) + rounding(leaf, combined)
    return apart(combined, held(leaf, combined, seen.a * first + seen.b * second), SAFETY * allowed)
