"""Parts of an array that are written, `out[...] = part` or `+=`: their gradient is read in another place.

NumPy's arrays are traced as they are, without a write: the new array is gathered from the old one and the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, operand_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip
from gradcheck_cli.diagnose.gates.windows import Elsewhere, Window, elsewhere_of


@dataclass(frozen=True)
class _Write:
    """One part: where it is written, what is written or added there, and the array after it."""

    window: Window
    part: int
    shape: tuple[int, ...]
    after: int


def of_writes(forward: Forward, known: Known) -> Iterator[Slip]:
    """All such writes, of one part each; in a loop, those of all turns."""
    for unit, positions in forward.turns.items():
        if forward.steps.steps[positions[0]].equation.primitive.name != "concatenate":
            continue
        writes = [write for position in positions if (write := _write(position, forward, known)) is not None]
        if len(writes) < len(positions):
            continue
        for elsewhere in elsewhere_of([write.window for write in writes]):
            yield _read(unit, positions[0], writes, elsewhere)


def _read(unit: Hashable, position: int, writes: Sequence[_Write], elsewhere: Elsewhere) -> Slip:
    sites = tuple(Site(write.after, write.part, _change(write, at)) for write, at in zip(writes, elsewhere.places))
    kind = Kind.TRANSPOSED if elsewhere.is_transposed else Kind.MISPLACED
    said = f"{{reads}} the gradient of {{place}} in the wrong place: {elsewhere.said}"
    return Slip((unit, "write", elsewhere.key), kind, sites, position, 1, said)


def _change(write: _Write, place: tuple[slice, ...]) -> Callable[[Array], Array]:
    own = write.window.at(write.window.starts)
    assert own is not None
    return lambda above: (above[place] - above[own]).reshape(write.shape)


def _write(position: int, forward: Forward, known: Known) -> _Write | None:
    """What the concatenation of an old array and a part, both flat, is made into; None where it is no write."""
    steps = forward.steps.steps
    gather = _only_use(position, "gather", forward)
    after = _only_use(gather, "reshape", forward) if gather is not None else None
    if gather is None or after is None or len(steps[position].operands) != 2 or 1 not in forward.alive[position]:
        return None
    result = forward.result(after)
    indices = operand_of(gather, 1, forward, known).reshape(-1)
    size = int(np.prod(known.values[result].shape))
    old = operand_of(position, 0, forward, known).size
    if result not in known.arriving or old != size or indices.size != size:
        return None
    part = _written(position, forward)
    places = np.flatnonzero(indices >= old)
    order = np.argsort(indices[places], kind="stable")
    window = _window(places[order], known.values[result].shape)
    if part is None or window is None or known.values[part].size != len(places):
        return None
    return _Write(window, part, known.values[part].shape, result)


def _only_use(position: int, name: str, forward: Forward) -> int | None:
    uses = forward.uses.get(forward.result(position), ())
    if len(uses) != 1 or forward.steps.steps[uses[0][0]].equation.primitive.name != name:
        return None
    return uses[0][0]


def _written(position: int, forward: Forward) -> int | None:
    """The part before it was made flat; of `+=`, what is added."""
    value = forward.operand(position, 1)
    maker = None if value is None else forward.maker.get(value)
    if maker is not None and forward.steps.steps[maker].equation.primitive.name == "reshape":
        value = forward.operand(maker, 0)
        maker = None if value is None else forward.maker.get(value)
    if maker is None or forward.steps.steps[maker].equation.primitive.name != "add" or 1 not in forward.alive[maker]:
        return value
    before = forward.operand(maker, 0)
    reads = None if before is None else forward.maker.get(before)
    is_read = reads is None or forward.steps.steps[reads].equation.primitive.name in ("slice", "gather", "reshape")
    return forward.operand(maker, 1) if is_read else value


def _window(places: Array, shape: tuple[int, ...]) -> Window | None:
    """The window that these places of an array are, in its order; None where they are none."""
    axes = [np.unique(column) for column in np.unravel_index(places, shape)]
    if not places.size or np.prod([len(axis) for axis in axes]) != places.size:
        return None
    strides = tuple(int(axis[1] - axis[0]) if len(axis) > 1 else 1 for axis in axes)
    window = Window(shape, tuple(int(axis[0]) for axis in axes), tuple(map(len, axes)), strides)
    own = window.at(window.starts)
    if own is None or not np.array_equal(np.arange(np.prod(shape)).reshape(shape)[own].reshape(-1), places):
        return None
    return window
