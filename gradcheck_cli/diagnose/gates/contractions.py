"""Products on the way back: with the other operand, or the upstream gradient, transposed, flipped or moved."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.products import handed_down
from gradcheck_cli.diagnose.gates.replacements import Kind, operand_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip
from gradcheck_cli.diagnose.gates.ways import Way, ways
from gradcheck_cli.graph.values import function_of, pull_back_of

PRODUCTS = ("dot_general", "mul", "conv_general_dilated")


def of_contractions(forward: Forward, known: Known) -> Iterator[Slip]:
    """All products along which a gradient flows."""
    for unit, turns in forward.turns.items():
        if forward.steps.steps[turns[0]].equation.primitive.name not in PRODUCTS:
            continue
        for k in (0, 1):
            # a loop's first turn may work on a constant
            positions = [position for position in turns if k in forward.alive.get(position, ())]
            if positions and all(forward.result(position) in known.arriving for position in positions):
                yield from _of_other(unit, positions, k, forward, known)
                yield from _of_upstream(unit, positions, k, forward, known)


def _of_other(unit: Hashable, positions: Sequence[int], k: int, forward: Forward, known: Known) -> Iterator[Slip]:
    others = [operand_of(position, 1 - k, forward, known) for position in positions]
    if all(other.dtype.kind == "c" for other in others):
        # where a real result depends on them, NumPy's rule is that of JAX conjugated
        moved = [other.conj() for other in others]
        said = "{goes} back through {place} with {other} where its complex conjugate is due"
        sites = _sites(positions, k, others, moved, forward, known)
        # of a spectrum that is a signal's, which is turned round; a real gain has no places
        code = "GC208" if _is_real(positions[0], k, forward) else ""
        yield Slip((unit, k, "conjugate"), Kind.MISPLACED, sites, positions[0], k, said, "conjugate it", code=code)
    for way in _common(others):
        moved = [way.apply(other) for other in others]
        if all(np.array_equal(one, other) for one, other in zip(moved, others)):
            continue
        sites = _sites(positions, k, others, moved, forward, known)
        said = f"{{goes}} back through {{place}} with {{other}} {way.said}"
        mend = ""
        if way.axes and set(way.axes) == {others[0].ndim - 2, others[0].ndim - 1}:
            said, mend = "{goes} back through {place} with {other} where {its transpose} is due", "use {its transpose}"
            if others[0].ndim > 2:
                said = "{goes} back through {place} with {other} where its last two axes are to be exchanged"
                mend = ""
        yield Slip((unit, k, "other", way.key), _kind(way), sites, positions[0], k, said, mend)
    for key, moved in turned(positions, 1 - k, forward, known):
        if any(one.shape != other.shape for one, other in zip(moved, others)):
            continue
        sites = _sites(positions, k, others, moved, forward, known)
        said = f"{{goes}} back through {{place}} with {{other}} {key}"
        yield Slip((unit, k, key), Kind.MISPLACED, sites, positions[0], k, said)


def _is_real(position: int, k: int, forward: Forward) -> bool:
    """Whether an operand is a real number that was made a complex one."""
    value = forward.operand(position, k)
    while value is not None and (maker := forward.maker.get(value)) is not None:
        equation = forward.steps.steps[maker].equation
        if equation.primitive.name not in ("broadcast_in_dim", "reshape", "convert_element_type"):
            return False
        if equation.invars[0].aval.dtype.kind == "f":
            return True
        value = forward.operand(maker, 0)
    return False


def _of_upstream(unit: Hashable, positions: Sequence[int], k: int, forward: Forward, known: Known) -> Iterator[Slip]:
    """Of one operand alone; where there is no other, that is the gradient of the result."""
    if len(forward.alive[positions[0]]) < 2:
        return
    above = [known.arriving[forward.result(position)] for position in positions]
    for way in _common(above):
        sites = []
        for position in positions:
            value = forward.operand(position, k)
            assert value is not None
            back = _back(position, k, operand_of(position, 1 - k, forward, known), forward, known)
            sites.append(Site(forward.result(position), value, _of_moved(back, way)))
        said = f"{{takes}} the upstream gradient of {{place}} {way.said}"
        yield Slip((unit, k, "upstream", way.key), _kind(way), tuple(sites), positions[0], k, said)


def _of_moved(back: Callable[[Array], Array], way: Way) -> Callable[[Array], Array]:
    return lambda above: back(way.apply(above) - above)


def _sites(
    positions: Sequence[int], k: int, others: Sequence[Array], moved: Sequence[Array], forward: Forward, known: Known
) -> tuple[Site, ...]:
    sites = []
    for position, other, wrong in zip(positions, others, moved):
        value = forward.operand(position, k)
        assert value is not None
        # the gradient is linear in the other operand
        sites.append(Site(forward.result(position), value, _back(position, k, wrong - other, forward, known)))
    return tuple(sites)


def _back(position: int, k: int, other: Array, forward: Forward, known: Known) -> Callable[[Array], Array]:
    """What the step hands back to operand `k` where that is the other one."""
    step = forward.steps.steps[position]
    if step.equation.primitive.name != "conv_general_dilated":
        return lambda above: handed_down(forward, position, k, other, above)
    operands = [other, other]
    operands[k] = operand_of(position, k, forward, known)
    pull_back = pull_back_of(function_of(step), operands, [k])
    return lambda above: np.asarray(pull_back([above])[0])


def _common(arrays: Sequence[Array]) -> Iterator[Way]:
    if all(array.dtype.kind == "f" and array.shape == arrays[0].shape for array in arrays):
        yield from ways(arrays[0].shape)


def _kind(way: Way) -> Kind:
    return Kind.TRANSPOSED if way.axes else Kind.MISPLACED


def turned(positions: Sequence[int], k: int, forward: Forward, known: Known) -> Iterator[tuple[str, list[Array]]]:
    """The operand of another turn of the loop, by turn."""
    own = [value for position in positions if (value := forward.operand(position, k)) is not None]
    if len(own) < len(positions) or len(own) < 2 or len(set(own)) == 1:
        return
    yield "of the turns in reverse order", [known.values[value] for value in own[::-1]]
    maker = forward.maker.get(own[-1])
    if maker is None:
        return
    turns = forward.turns[forward.unit[maker]]
    made = [forward.result(position) for position in turns]
    arrays = [known.values[value] for value in made]
    if own[0] not in made and own[1:] == made[:-1]:
        # Python takes an index before the first from the end
        yield "of the last turn at the first one", [arrays[-1], *arrays[:-1]]
    after = _after(turns[-1], forward, known)
    arrays += [after] if after is not None else []
    for by, said in ((1, "of one turn too late"), (-1, "of one turn too early")):
        at = [made.index(value) + by if value in made else (0 if by > 0 else -1) for value in own]
        if all(0 <= place < len(arrays) for place in at):
            yield said, [arrays[place] for place in at]


def _after(position: int, forward: Forward, known: Known) -> Array | None:
    """What a loop's step would give at one more turn: a last state that the forward has no use for."""
    step, operands = forward.steps.steps[position], []
    for k in range(len(step.operands)):
        value = forward.operand(position, k)
        maker = None if value is None else forward.maker.get(value)
        if value is None or maker is None:
            operands.append(operand_of(position, k, forward, known))
            continue
        turns = forward.turns[forward.unit[maker]]
        at = turns.index(maker) + 1
        if at == len(turns):
            return None
        operands.append(known.values[forward.result(turns[at])])
    return np.asarray(function_of(step)(*operands)[0])
