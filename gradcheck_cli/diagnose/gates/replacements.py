"""What a backward may have used in place of a gate's local derivative: left out, a known slip, another value's."""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.diagnose.gates.elementwise import Family, Gate
from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.functions import OF_TWO, Said
from gradcheck_cli.diagnose.gates.paths import Reduction
from gradcheck_cli.diagnose.gates.reverse import Array, At, Known, Row
from gradcheck_cli.diagnose.gates.siblings import Sibling, siblings

AS_OUTPUT = "as output"
"""A value stands for a function's output in its derivative: an earlier state for the new one."""


class Kind(enum.IntEnum):
    """What is wrong with a local derivative, the simplest first."""

    LEFT_OUT = 0
    OVERWRITTEN = 1
    """Of contributions that are to add up one is kept."""
    AVERAGED = 2
    """Of contributions that are to add up the mean is taken."""
    MASK = 3
    SLIP = 4
    OTHER_VALUE = 5
    """Another value of the forward stands where an operand belongs."""
    ELSEWHERE = 6
    """The function's derivative, taken at another value."""
    REDUCTION = 7
    """A sum on the way back runs over other axes than the forward's."""
    TRANSPOSED = 8
    """Axes are not moved back, or an operand's axes are exchanged."""
    MISPLACED = 9
    """Something is handed back in another place."""
    EXPONENT = 10
    """The exponents by which a gradient is shared out are others than the forward's."""
    FORMULA = 11
    """The pull-back of a function of whole arrays is another formula."""
    COUNTED = 12
    """Of terms that are to add up, some count too often or not at all."""
    RECOMPUTED = 13
    """Values are computed again otherwise than in the forward."""


@dataclass(frozen=True)
class Replacement:
    """One wrong local derivative.

    Attributes:
        key: the same in another case.
        row: the backward that has it.
        position, operand: the gate's last step, and which operand of it the gradient goes to.
        said: what stands in place of the derivative; "" where that is nothing, or another value.
        sibling: the other value.
        ratio: the wrong derivative over the right one, where that is one number.
        steps: of the gate.
        mend: what to do instead, where known.
        is_leaving: of a loop's gate, it is wrong on the way out of the loop alone; what goes on to the turns before is
            right.
        about: the value that is spoken of, where that is no operand.
        code: of the rule, where the kind does not say it.
    """

    key: Hashable
    kind: Kind
    row: Row
    position: int
    operand: int
    target: int
    family: Family | None = None
    said: str = ""
    sibling: Sibling | None = None
    ratio: float | None = None
    steps: int = 1
    mend: str = ""
    reduction: Reduction | None = None
    is_leaving: bool = False
    about: int | None = None
    code: str = ""

    @property
    def order(self) -> tuple[object, ...]:
        """The simpler one first; of two that are as simple, the shorter gate, then the first in the forward.

        A value in place of an input is simpler than one in place of an output.

        Of slips, that of the longest gate: in a sigmoid there is a reciprocal, too. Of exponents, the last that has it.
        """
        is_known = self.family is None or self.family.function is not None or self.family.other is not None
        steps = -self.steps if self.kind is Kind.SLIP else self.steps
        position = -self.position if self.kind is Kind.EXPONENT else self.position
        return not is_known and self.kind is Kind.LEFT_OUT, self.kind, self.said == AS_OUTPUT, steps, position


def of_family(family: Family, forward: Forward, known: Known, *, carrying: Sequence[At] = ()) -> Iterator[Replacement]:
    """All that may stand in place of one gate's derivative.

    Args:
        carrying: operands along which the right gradient goes back from each turn of a loop to the one before.
    """
    seen: list[Array] = []
    for kind, said, sibling, wrong in _wrong(family, forward, known):
        row = [np.broadcast_to(one, gate.derivative.shape) for one, gate in zip(wrong, family.gates)]
        replaced = np.concatenate([np.asarray(one, np.float64).reshape(-1) for one in row])
        if not np.isfinite(replaced).all() or any(np.array_equal(replaced, other) for other in seen):
            continue
        seen.append(replaced)
        ratio = ratio_of(replaced, family, known)
        if ratio is not None and (ratio == 1 or not _is_alive(family, forward)):
            continue
        change = _leaving(family.gates, row, carrying, forward, known) if carrying else _row(family.gates, row, known)
        if change is not None:
            gate = family.gates[0]
            key = (family.key, kind, said, sibling.key if sibling is not None else None, bool(carrying))
            yield Replacement(
                key,
                kind,
                change,
                gate.position,
                gate.ends[0][1],
                gate.target,
                family,
                said,
                sibling,
                ratio,
                gate.steps,
                is_leaving=bool(carrying),
            )


def _wrong(
    family: Family, forward: Forward, known: Known
) -> Iterator[tuple[Kind, str, Sibling | None, Sequence[Array]]]:
    gates, function = family.gates, family.function
    is_mask = is_selection(family)
    ones = [np.ones_like(gate.derivative) for gate in gates]
    yield (Kind.MASK if is_mask else Kind.LEFT_OUT), "everywhere" if is_mask else "", None, ones
    if is_mask:
        yield from ((Kind.MASK, said, None, wrong) for said, wrong in _masks(family, known))
    values = known.values
    for said in _slips(family, forward):
        pairs = _pairs(family, forward, known)
        yield Kind.SLIP, str(said), None, [said.of(x, y) for x, y in pairs]
    if family.other is not None and _primitive(family, forward) in ("mul", "div"):
        for sibling in siblings([(gate.position, family.other) for gate in gates], forward, values):
            wrong = [_with(gate, family, forward, known, w) for gate, w in zip(gates, sibling.of(values))]
            yield Kind.OTHER_VALUE, "", sibling, wrong
    elif function is not None:
        for sibling in siblings([gate.ends[0] for gate in gates], forward, values, [gate.target for gate in gates]):
            taken = sibling.of(values)
            with np.errstate(all="ignore"):
                wrong = [function.derivative.of(w, function.value(w)) for w in taken]
                yield (Kind.MASK if is_mask else Kind.ELSEWHERE), "", sibling, wrong
                if function.derivative.formula == "y":
                    yield Kind.OTHER_VALUE, "", sibling, taken
                elif function.derivative.is_of_output:
                    inputs = [values[gate.target] for gate in gates]
                    outputs = [function.derivative.of(x, y) for x, y in zip(inputs, taken)]
                    yield Kind.ELSEWHERE, AS_OUTPUT, sibling, outputs


def is_selection(family: Family) -> bool:
    """Whether the gate lets the gradient through at some elements and not, or less, at others."""
    sides = family.sides
    if sides is None or (family.function is not None and not family.function.is_mask):
        return False
    is_where = family.other is None and family.gates[0].derivative.size > 4
    return family.function is not None or sides[0] == 0 or is_where


def _masks(family: Family, known: Known) -> Iterator[tuple[str, Sequence[Array]]]:
    assert family.sides is not None
    (low, high), gates = family.sides, family.gates
    yield "everywhere", [np.full_like(gate.derivative, high) for gate in gates]
    if low:
        yield "as if on the other side everywhere", [np.full_like(gate.derivative, low) for gate in gates]
        yield "on one side only", [np.where(gate.derivative == high, high, 0) for gate in gates]
        yield "with the factor 1 on one side", [np.where(gate.derivative == low, low, 1.0) for gate in gates]
    yield "where it is to be stopped", [low + high - gate.derivative for gate in gates]
    if len(gates) == 1:
        above = known.arriving[gates[0].result]
        yield "where the upstream gradient is positive", [np.where(above > 0, high, low)]
        yield "only where the upstream gradient is positive, too", [np.where(above > 0, gates[0].derivative, low)]


def _primitive(family: Family, forward: Forward) -> str:
    return str(forward.steps.steps[family.gates[0].position].equation.primitive.name)


def _slips(family: Family, forward: Forward) -> tuple[Said, ...]:
    if family.is_of_two and family.other is not None:
        return OF_TWO[_primitive(family, forward), 1 - family.other]
    return family.function.slips if family.function is not None else ()


def _pairs(family: Family, forward: Forward, known: Known) -> Iterator[tuple[Array, Array]]:
    """What the slips' x and y are."""
    for gate in family.gates:
        x = known.values[gate.target]
        if family.is_of_two and family.other is not None:
            yield x, operand_of(gate.position, family.other, forward, known)
        else:
            yield x, known.values[gate.result]


def operand_of(position: int, k: int, forward: Forward, known: Known) -> Array:
    """The array that a step uses there."""
    operand = forward.steps.steps[position].operands[k]
    return np.asarray(operand.constant if operand.value is None else known.values[operand.value])


def _with(gate: Gate, family: Family, forward: Forward, known: Known, other: Array) -> Array:
    """The derivative of a product or a quotient with another value in place of its other operand."""
    primitive, k = _primitive(family, forward), gate.ends[0][1]
    with np.errstate(all="ignore"):
        if primitive == "mul":
            return other
        return 1 / other if k == 0 else -other / known.values[gate.target] ** 2


def _is_alive(family: Family, forward: Forward) -> bool:
    """Whether the derivative is an argument's, or made of arguments: no number of the program's own."""
    if family.other is None:
        return False
    value = forward.operand(family.gates[0].position, family.other)
    return value is not None and value in forward.before


def ratio_of(wrong: Array, family: Family, known: Known) -> float | None:
    """The number that the right derivative was multiplied by, where a gradient arrives; None where it is no number."""
    arriving = np.concatenate([known.arriving[gate.result].reshape(-1) for gate in family.gates])
    return _ratio(wrong[arriving != 0], family.derivative[arriving != 0])


def _ratio(wrong: Array, right: Array) -> float | None:
    size = float(np.vdot(right, right))
    if not size:
        return None
    ratio = float(np.vdot(right, wrong)) / size
    room = 1e-9 * float(np.abs(wrong).max())
    return ratio if float(np.abs(wrong - ratio * right).max()) <= room else None


def held(row: Row, ends: Sequence[At], forward: Forward, known: Known) -> Row:
    """The same backward where along these operands the right gradient goes back, whatever arrives."""
    entering = dict(row.entering)
    for position, k in ends:
        value = forward.operand(position, k)
        assert value is not None
        right = known.arriving[forward.result(position)] * known.local[position, k]
        entering[value] = entering.get(value, 0.0) + right
    return Row({**row.changes, **{end: -known.local[end] for end in ends}}, entering)


def _leaving(
    gates: Sequence[Gate], wrong: Sequence[Array], carrying: Sequence[At], forward: Forward, known: Known
) -> Row:
    """The backward with these derivatives in whose loop the right gradient goes on from each turn."""
    entering: dict[int, Array] = {}
    for gate, one in zip(gates, wrong):
        change = known.arriving[gate.result] * (one - gate.derivative)
        entering[gate.target] = entering.get(gate.target, 0.0) + change
    return held(Row(entering=entering), carrying, forward, known)


def _row(gates: Sequence[Gate], wrong: Sequence[Array], known: Known) -> Row | None:
    """The backward that has these derivatives; None where it cannot be had, in a loop, beside a derivative of zero."""
    if len(gates) == 1:
        (gate,) = gates
        above = known.arriving[gate.result]
        return Row(entering={gate.target: above * (wrong[0] - gate.derivative)})
    changes: dict[At, Array] = {}
    for gate, one in zip(gates, wrong):
        if len(gate.ends) == 1 and gate.steps == 1:
            changes[gate.ends[0]] = one - gate.derivative
            continue
        if ((gate.derivative == 0) & (one != 0)).any():
            return None
        ratio = np.divide(one, gate.derivative, out=np.ones_like(gate.derivative), where=gate.derivative != 0)
        changes.update((at, known.local[at] * (ratio - 1)) for at in gate.ends)
    return Row(changes)
