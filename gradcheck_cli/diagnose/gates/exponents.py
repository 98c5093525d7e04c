"""Logarithms of sums of exponentials, and what is wrong with the exponents by which a gradient goes back through them.

What goes back is shared out by a softmax, which backwards of dynamic programs compute anew, as the exponential of a
sum of messages: there a term may be transposed, left out or counted twice, a share may go to another term, and a
temperature may be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, operand_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip
from gradcheck_cli.diagnose.gates.ways import exchanged
from gradcheck_cli.graph.steps import WITH_RULES
from gradcheck_cli.tracing.trace import inner_jaxprs, primitive_names

SHORT = 6
"""Steps that are followed from the logarithm or the exponential on."""

EXTREMES = ("reduce_max", "reduce_min", "stop_gradient", "argmax")


@dataclass(frozen=True)
class Softmax:
    """One turn of a loop's `log Σ exp(…)`, or the only one.

    Attributes:
        result: what the logarithm gives.
        terms: the value whose exponentials are added up, before the largest is taken off.
        position: of the step that makes it.
        shares: of each term: the derivative is `slope` times it.
        keep: the result's shape, with an axis of one number for each that is added up.
        constants: numbers that the exponent is multiplied by.
    """

    result: int
    terms: int
    position: int
    shares: Array
    slope: Array
    keep: tuple[int, ...]
    constants: tuple[float, ...]

    def handed(self, shape: tuple[int, ...], wrong: Array) -> Callable[[Array], Array]:
        """What goes back to an operand of that shape by these shares, less what should."""
        change = (wrong - self.shares) * self.slope

        def handed(above: Array) -> Array:
            return _unbroadcast(above.reshape(self.keep) * change, shape)

        return handed


def of_exponents(forward: Forward, known: Known) -> Iterator[Slip]:
    """All slips in all of them, and in values that stand in their exponents."""
    is_any = any(_is_logaddexp(position, forward) for position in forward.alive)
    for unit, positions in forward.turns.items():
        if forward.steps.steps[positions[0]].equation.primitive.name != "log":
            continue
        found = [_softmax(position, forward, known) for position in positions]
        softmaxes = [one for one in found if one is not None]
        if not softmaxes or len(softmaxes) < len(positions):
            continue
        is_any = True
        if len({forward.unit[one.position] for one in softmaxes}) > 1:
            continue
        yield from _of_temperature(unit, softmaxes, forward)
        name = forward.steps.steps[softmaxes[0].position].equation.primitive.name
        if name == "add":
            yield from _of_sum(unit, softmaxes, forward, known)
        elif name in ("stack", "concatenate"):
            yield from _of_stack(unit, softmaxes, forward, known)
    if is_any:
        yield from _of_values(forward, known)


def _softmax(position: int, forward: Forward, known: Known) -> Softmax | None:
    """The one that a logarithm ends; None where it is no such logarithm."""
    total = _above(position, ("reduce_sum",), ("abs", "reshape", "broadcast_in_dim", "squeeze"), forward)
    if total is None or forward.result(position) not in known.arriving:
        return None
    exponential = _above(total, ("exp",), (), forward)
    if exponential is None or (exponential, 0) not in known.local:
        return None
    shape = known.values[forward.result(exponential)].shape
    axes = forward.steps.steps[total].equation.params["axes"]
    keep = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    with np.errstate(all="ignore"):
        shares = known.values[forward.result(exponential)] / known.values[forward.result(total)].reshape(keep)
    value, slope, constants = forward.operand(exponential, 0), np.ones(shape), []
    while value is not None and (maker := forward.maker.get(value)) is not None:
        ends = [k for k in forward.alive.get(maker, ()) if not _is_extreme(forward.operand(maker, k), forward)]
        if len(ends) != 1 or (maker, ends[0]) not in known.local:
            break
        (k,) = ends
        slope = slope * known.local[maker, k]
        if forward.steps.steps[maker].equation.primitive.name in ("mul", "div"):
            other = operand_of(maker, 1 - k, forward, known)
            constants += [float(other.reshape(-1)[0])] if other.size and np.ptp(other) == 0 else []
        value = forward.operand(maker, k)
    at = None if value is None else forward.maker.get(value)
    if value is None or at is None or value not in known.arriving or not np.isfinite(shares).all():
        return None
    return Softmax(forward.result(position), value, at, shares, slope, keep, tuple(constants))


def _above(position: int, names: Sequence[str], passing: Sequence[str], forward: Forward) -> int | None:
    """The step of one of these names that a step works on."""
    for _ in range(SHORT):
        value = forward.operand(position, 0)
        maker = None if value is None else forward.maker.get(value)
        if maker is None:
            return None
        name = forward.steps.steps[maker].equation.primitive.name
        if name in names:
            return maker
        if name not in passing:
            return None
        position = maker
    return None


def _is_extreme(value: int | None, forward: Forward) -> bool:
    """Whether it is the largest term, which is taken off first."""
    for _ in range(2 * SHORT):
        maker = None if value is None else forward.maker.get(value)
        if maker is None:
            return False
        if forward.steps.steps[maker].equation.primitive.name in EXTREMES:
            return True
        ends = forward.alive.get(maker, ())
        if len(ends) != 1:
            return False
        value = forward.operand(maker, ends[0])
    return False


def _of_temperature(unit: Hashable, softmaxes: Sequence[Softmax], forward: Forward) -> Iterator[Slip]:
    for constant in dict.fromkeys(softmaxes[0].constants):
        for power in {abs(constant), 1 / abs(constant)} - {1.0}:
            sites = tuple(
                Site(one.result, one.terms, one.handed(one.shares.shape, one.shares**power)) for one in softmaxes
            )
            said = "{shares} the gradient of {place} out by exponents that lack the factor of the forward's"
            yield Slip((unit, "power", power > 1), Kind.EXPONENT, sites, forward.maker[softmaxes[0].result], 0, said)


def _of_sum(unit: Hashable, softmaxes: Sequence[Softmax], forward: Forward, known: Known) -> Iterator[Slip]:
    """Of exponents with two terms, or three where another is added to the logarithm."""
    at = softmaxes[0].position
    for k in forward.alive[at]:
        if any(k not in forward.alive[one.position] for one in softmaxes):
            continue
        others = [operand_of(one.position, 1 - k, forward, known) for one in softmaxes]
        for way in exchanged(others[0].shape) if len({other.shape for other in others}) == 1 else ():
            factors = [np.exp(way.apply(other) - other) for other in others]
            said = "{goes} back through {place} with {other} transposed in its exponent"
            yield _of_term((unit, k, way.key), Kind.TRANSPOSED, softmaxes, k, factors, said, None, forward, known)
        added = [_added(one, forward) for one in softmaxes]
        terms = {
            "other": [forward.operand(one.position, 1 - k) for one in softmaxes],
            "own": [forward.operand(one.position, k) for one in softmaxes],
            "added": added,
        }
        for role, numbers in terms.items():
            values = [known.values[number] for number in numbers if number is not None]
            if len(values) < len(softmaxes) or any(not np.isfinite(value).all() for value in values):
                continue
            spread = [value.reshape(one.keep) if role == "added" else value for one, value in zip(softmaxes, values)]
            for sign, does in ((-1, "left out"), (1, "counted twice")):
                factors = [np.exp(sign * value) for value in spread]
                said = f"{{goes}} back through {{place}} with {{value}} {does} in its exponent"
                key = (unit, k, role, sign)
                yield _of_term(key, Kind.EXPONENT, softmaxes, k, factors, said, numbers[0], forward, known)


def _of_term(
    key: Hashable,
    kind: Kind,
    softmaxes: Sequence[Softmax],
    k: int,
    factors: Sequence[Array],
    said: str,
    about: int | None,
    forward: Forward,
    known: Known,
) -> Slip:
    sites = []
    for one, factor in zip(softmaxes, factors):
        value = forward.operand(one.position, k)
        assert value is not None
        sites.append(Site(one.result, value, one.handed(known.values[value].shape, one.shares * factor)))
    return Slip(key, kind, tuple(sites), softmaxes[0].position, k, said, about=about)


def _added(softmax: Softmax, forward: Forward) -> int | None:
    """What is added to the logarithm, but for the largest term."""
    value = softmax.result
    for _ in range(SHORT):
        uses = forward.uses.get(value, ())
        if len(uses) != 1:
            return None
        position, k = uses[0]
        name = forward.steps.steps[position].equation.primitive.name
        if name == "add":
            other = forward.operand(position, 1 - k)
            if other is not None and other in forward.before and not _is_extreme(other, forward):
                return other
        elif name not in ("reshape", "squeeze", "broadcast_in_dim"):
            return None
        value = forward.result(position)
    return None


def _of_stack(unit: Hashable, softmaxes: Sequence[Softmax], forward: Forward, known: Known) -> Iterator[Slip]:
    """Of terms that are stacked, each of one number: what goes back to one of them by another's share."""
    at = softmaxes[0].position
    count = len(forward.steps.steps[at].operands)
    if any(one.shares.size != count for one in softmaxes):
        return
    for own, other in permutations(range(count), 2):
        for inner in (None, 0, 1):
            sites = []
            for one in softmaxes:
                value = forward.operand(one.position, own)
                maker = None if value is None else forward.maker.get(value)
                if inner is not None:
                    is_sum = maker is not None and forward.steps.steps[maker].equation.primitive.name == "add"
                    value = forward.operand(maker, inner) if is_sum and maker is not None else None
                if value is None or value not in known.arriving:
                    continue  # a cell at the border
                flat = (one.shares * one.slope).reshape(-1)
                sites.append(Site(one.result, value, _times(flat[other] - flat[own], known.values[value].shape)))
            if sites:
                said = "{hands} one term of {place} back by the share of another one"
                key = (unit, "share", own, other, inner)
                yield Slip(key, Kind.EXPONENT, tuple(sites), at, own, said)


def _times(factor: float, shape: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda above: (factor * above).reshape(shape)


def _of_values(forward: Forward, known: Known) -> Iterator[Slip]:
    """The gradient of a logarithm, times what it is the logarithm of: its exponential is counted twice."""
    for number, array in known.values.items():
        maker = forward.maker.get(number)
        if maker is None or number not in known.arriving or array.dtype.kind != "f" or not array.ndim:
            continue
        if len(forward.turns[forward.unit[maker]]) > 1 or not np.isfinite(array).all() or array.max() > SMALL:
            continue
        for sign, does in ((1, "counted twice"), (-1, "left out")):
            factor = np.exp(sign * array)
            site = Site(number, number, _scaled(factor))
            said = f"{{goes}} back to {{place}} with {{value}} {does} in an exponent"
            key = (forward.unit[maker], "exponent", sign)
            k = forward.alive[maker][0]
            yield Slip(key, Kind.EXPONENT, (site,), maker, k, said, about=number)


SMALL = 50.0
"""A number whose exponential is no logarithm's: of another kind, or too large."""


def _scaled(factor: Array) -> Callable[[Array], Array]:
    return lambda above: above * (factor - 1)


def _is_logaddexp(position: int, forward: Forward) -> bool:
    """Whether two logarithms are added up in a function of JAX's with a rule of its own."""
    equation = forward.steps.steps[position].equation
    if equation.primitive.name not in WITH_RULES or len(forward.alive[position]) != 2:
        return False
    return any({"log1p", "exp"} <= set(primitive_names(inner)) for inner in inner_jaxprs(equation))


def _unbroadcast(array: Array, shape: tuple[int, ...]) -> Array:
    array = array.sum(axis=tuple(range(array.ndim - len(shape))))
    axes = tuple(axis for axis, size in enumerate(shape) if size == 1 and array.shape[axis] > 1)
    return np.asarray(array.sum(axis=axes, keepdims=True))
