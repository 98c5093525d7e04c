"""What is looked at where no gate explains a gradient: a wrong formula for a function of whole arrays, or something
inside that is transposed, or in another place.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from gradcheck_cli.diagnose.gates.contractions import of_contractions
from gradcheck_cli.diagnose.gates.exponents import of_exponents
from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.indices import of_indices
from gradcheck_cli.diagnose.gates.replacements import Kind
from gradcheck_cli.diagnose.gates.reverse import Known
from gradcheck_cli.diagnose.gates.scales import of_scales
from gradcheck_cli.diagnose.gates.shapes import of_shapes
from gradcheck_cli.diagnose.gates.sides import of_sides
from gradcheck_cli.diagnose.gates.slips import Site, Slip
from gradcheck_cli.diagnose.gates.slots import of_slots
from gradcheck_cli.diagnose.gates.ways import Way, ways
from gradcheck_cli.diagnose.gates.wholes import of_wholes
from gradcheck_cli.diagnose.gates.writes import of_writes
from gradcheck_cli.graph.building import IN_PASSING

MOVING = ("dot_general", "conv_general_dilated", "concatenate", "reduce_sum", "cumsum", "gather", "slice", "transpose")
"""Steps whose operands and results have places that can be mistaken; others work on each number alone."""


def of_arrangements(forward: Forward, known: Known) -> Iterator[Slip]:
    """All backwards with one thing inside in the wrong place, the likeliest first."""
    yield from of_exponents(forward, known)
    yield from of_wholes(forward, known)
    yield from of_scales(forward, known)
    yield from of_contractions(forward, known)
    yield from of_shapes(forward, known)
    yield from of_indices(forward, known)
    yield from of_slots(forward, known)
    yield from of_writes(forward, known)
    yield from _of_values(forward, known)
    yield from of_sides(forward, known)


def _of_values(forward: Forward, known: Known) -> Iterator[Slip]:
    """The gradient of a value, rearranged before it goes on."""
    for unit, positions in forward.turns.items():
        if any(
            position not in forward.alive or forward.result(position) not in known.arriving for position in positions
        ):
            continue
        if not any(_is_moved(position, forward) for position in positions):
            continue
        results = [forward.result(position) for position in positions]
        shapes = {known.values[result].shape for result in results}
        if len(shapes) == 1 and all(known.values[result].dtype.kind == "f" for result in results):
            for way in ways(shapes.pop()):
                yield _of_value(unit, positions, results, way, forward)


def _of_value(unit: Hashable, positions: Sequence[int], results: Sequence[int], way: Way, forward: Forward) -> Slip:
    sites = tuple(Site(result, result, lambda above: way.apply(above) - above) for result in results)
    kind = Kind.TRANSPOSED if way.axes else Kind.MISPLACED
    said = f"{{takes}} the gradient of {{place}} {way.said}"
    return Slip((unit, "gradient", way.key), kind, sites, positions[0], forward.alive[positions[0]][0], said)


def _is_moved(position: int, forward: Forward) -> bool:
    """Whether the result is made by a step with places, used by one, used twice, or an output."""
    name = forward.steps.steps[position].equation.primitive.name
    uses = forward.uses.get(forward.result(position), ())
    if name in IN_PASSING and len(uses) == 1:
        return False
    return name in MOVING or len(uses) != 1 or forward.steps.steps[uses[0][0]].equation.primitive.name in MOVING
