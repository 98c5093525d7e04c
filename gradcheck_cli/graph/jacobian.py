"""The Jacobians of a trace: of each output by each differentiable argument, and what is to be said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.extend.core import jaxpr_as_fun

from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.jacobians.advice import without_jacobian
from gradcheck_cli.graph.jacobians.blocks import cut
from gradcheck_cli.graph.jacobians.dimension_analysis import shape_lines
from gradcheck_cli.graph.jacobians.entries import Entry, entries, holds
from gradcheck_cli.graph.jacobians.seen import Array, Named, Seen
from gradcheck_cli.graph.jacobians.structure import in_order_of_telling, recognise
from gradcheck_cli.graph.jacobians.wording import at, examples, formula, head, letters
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.leaves import leaf_name, walk
from gradcheck_cli.report.jacobian.model import Block, Jacobian, Side, Structure
from gradcheck_cli.tracing.trace import Trace

MOST_ROWS = 4_000
MOST_ENTRIES = 4_000_000
_MOST_INNER = 12
"""Named values of the computation's own that a formula may hold."""


@dataclass(frozen=True)
class Draw:
    """One case and its trace, with the calls followed."""

    case: Case
    trace: Trace


def jacobians_of(draws: Sequence[Draw]) -> tuple[Jacobian, ...]:
    """Each output's Jacobian by each real argument at the first draw; the others confirm what is said of it.

    Raises:
        UserError: where one would have more than 4,000 rows or columns, or 4,000,000 entries; where JAX cannot
            differentiate the trace.
    """
    seen = [_seen(draw) for draw in draws]
    return tuple(
        _jacobian([first, *(other[key] for other in seen[1:] if _is_alike(first, other.get(key)))])
        for key, first in seen[0].items()
    )


def _is_alike(first: Seen, other: Seen | None) -> bool:
    return other is not None and other.matrix.shape == first.matrix.shape and bool(np.isfinite(other.matrix).all())


def _jacobian(draws: Sequence[Seen]) -> Jacobian:
    seen = draws[0]
    output, argument = (
        Side(side.name, side.shape, tuple(side.dimension(axis) for axis in range(side.value.ndim)))
        for side in (seen.output, seen.argument)
    )
    if not np.isfinite(seen.matrix).all():
        told = Structure("not finite", "not finite", "", "Some entries are NaN or infinite at these inputs.")
        return Jacobian(output, argument, seen.matrix, told, shapes=tuple(shape_lines(seen)))
    structure = recognise(draws)
    telling = in_order_of_telling(draws)
    entry = _entry(telling)
    advice = without_jacobian(entry, telling)
    text = formula(entry, seen) if entry is not None else ""
    if entry is None and structure.element:
        text = _of_structure(seen, structure)
    return Jacobian(
        output=output,
        argument=argument,
        matrix=seen.matrix,
        structure=structure,
        formula=text,
        examples=examples(entry, seen, structure.notation),
        shapes=(*shape_lines(seen), *(one.shapes for one in advice if one.shapes)),
        without=tuple(one.text for one in advice),
        block=_block(seen),
    )


def _of_structure(seen: Seen, structure: Structure) -> str:
    """A block's own formula, for one block where there are several."""
    if structure.kind not in ("blocks", "kronecker"):
        return f"{head(seen, letters(seen, ()))} = {structure.element}"
    return f"∂{seen.output.name}_j/∂{seen.argument.name}_i = {structure.element}, in each block"


def _entry(draws: Sequence[Seen]) -> Entry | None:
    for entry in entries(draws[0]):
        if all(holds(entry, other) for other in draws[1:]):
            return entry
    return None


def _block(seen: Seen) -> Block | None:
    found = cut(seen)
    if found is None or not found.pairs:
        return None
    first = found.blocks[0]
    output = _names(seen.output, {p: 0 for p, _ in found.pairs})
    argument = _names(seen.argument, {q: 0 for _, q in found.pairs})
    kind = "equal blocks" if found.are_equal else "blocks"
    return Block(f"the first of {len(found.blocks)} {kind}", first.matrix, output, argument)


def _names(named: Named, fixed: Mapping[int, int]) -> tuple[str, ...]:
    """Of the elements with these indices."""
    return tuple(
        at(named.name, index)
        for index in np.ndindex(*named.shape)
        if all(index[axis] == position for axis, position in fixed.items())
    )


def _seen(draw: Draw) -> dict[tuple[int, int], Seen]:
    """By output and leaf."""
    outputs, leaves = _outputs(draw), draw.case.leaves
    real = [k for k, leaf in enumerate(leaves) if np.asarray(leaf.value).dtype.kind != "c"]
    if not real or any(output.value.dtype.kind == "c" for output in outputs):
        raise UserError(
            f"`{draw.case.layer.name}` computes with complex numbers: a Jacobian of real numbers is shown only",
            path=draw.case.layer.path,
            line=draw.case.layer.forward_line,
            mend="take the real and the imaginary part as two arguments",
        )
    for output in outputs:
        for k in real:
            _refuse_large(draw.case, output, leaves[k].name, np.shape(leaves[k].value))
    arrays = (*_arrays(draw.case), *_inner(draw, {output.name for output in outputs}))
    matrices = _matrices(draw, [output.value.size for output in outputs], real)
    return {
        (i, k): Seen(matrices[i][k], output, _named(arrays, leaves[k].name), arrays, draw.case.dimensions)
        for i, output in enumerate(outputs)
        for k in real
    }


def _outputs(draw: Draw) -> list[Named]:
    """With the user's names: of the variable that is returned, where it has one and no argument has it too."""
    taken = {argument.name for argument in draw.case.layer.arguments}
    values = draw.trace.outputs
    names = [draw.trace.names.get(_hashed(variable), "") for variable in draw.trace.jaxpr.jaxpr.outvars]
    found: list[Named] = []
    for position, (name, value) in enumerate(zip(names, values)):
        used = {*taken, *(named.name for named in found)}
        if not name.isidentifier() or name in used:
            name = "out" if len(values) == 1 else f"out{position + 1}"
        found.append(Named(name, np.asarray(value), _dimensions(value.shape, draw.case)))
    return found


def _hashed(variable: Any) -> Any:
    """A literal cannot be looked up."""
    return None if hasattr(variable, "val") else variable


def _dimensions(shape: Sequence[int], case: Case) -> tuple[str, ...]:
    """The dimension that has each axis's size, "" where none or several do."""
    named = []
    for size in shape:
        matching = [name for name, known in case.dimensions.items() if known == size]
        named.append(matching[0] if len(matching) == 1 and size != 1 else "")
    return tuple(named)


def _arrays(case: Case) -> list[Named]:
    """Every numeric array of the arguments, the leaves with their dimensions."""
    dimensions = {leaf.name: leaf.dimensions for leaf in case.leaves}
    found = []
    for argument, value in case.arguments.items():
        for path, leaf in walk(value):
            name = leaf_name(argument, path)
            array = np.asarray(leaf)
            if isinstance(leaf, (bool, str)) or (array.dtype.kind not in "fiu" and name not in dimensions):
                continue
            if array.dtype.kind != "c":
                found.append(Named(name, array.astype(np.float64), dimensions.get(name, ())))
    return found


def _inner(draw: Draw, taken: Set[str]) -> list[Named]:
    """What the user gave a name to on the way: `normed`, `mu`; those of one call only."""
    closed = draw.trace.jaxpr
    names = draw.trace.names
    made = [variable for equation in closed.jaxpr.eqns for variable in equation.outvars if _hashed(variable) in names]
    often = Counter(names[variable] for variable in made)
    avoided = {*taken, *(argument.name for argument in draw.case.layer.arguments)}
    wanted = [
        variable
        for variable in made
        if often[names[variable]] == 1 and names[variable].isidentifier() and names[variable] not in avoided
    ][:_MOST_INNER]
    wanted = [variable for variable in wanted if variable.aval.dtype.kind == "f"]
    if not wanted:
        return []
    run = jaxpr_as_fun(closed.replace(jaxpr=closed.jaxpr.replace(outvars=wanted)))
    values = run(*[np.asarray(leaf.value, np.float64) for leaf in draw.case.leaves])
    return [
        Named(names[variable], np.asarray(value, np.float64), _dimensions(np.shape(value), draw.case))
        for variable, value in zip(wanted, values)
    ]


def _named(arrays: Sequence[Named], name: str) -> Named:
    return next(named for named in arrays if named.name == name)


def _refuse_large(case: Case, output: Named, argument: str, shape: tuple[int, ...]) -> None:
    rows, columns = output.value.size, int(np.prod(shape, dtype=np.int64))
    if rows <= MOST_ROWS and columns <= MOST_ROWS and rows * columns <= MOST_ENTRIES:
        return
    largest = max(case.dimensions.items(), key=lambda item: item[1], default=None)
    raise UserError(
        f"the Jacobian of `{output.name}` by `{argument}` would be {rows:,} × {columns:,}: "
        f"at most {MOST_ROWS:,} rows and columns and {MOST_ENTRIES:,} entries are shown",
        path=case.layer.path,
        line=case.layer.forward_line,
        mend=f"--dim {largest[0]}=2" if largest else f"--shape {argument}={','.join(['2'] * len(shape))}",
    )


def _matrices(draw: Draw, sizes: Sequence[int], real: Sequence[int]) -> list[dict[int, Array]]:
    """By output and leaf; backward where the outputs are fewer than the inputs, else forward."""
    inputs = [
        np.asarray(leaf.value, np.complex128 if k not in real else np.float64)
        for k, leaf in enumerate(draw.case.leaves)
    ]
    function = jaxpr_as_fun(draw.trace.jaxpr)

    def of_real(*given: Any) -> list[Any]:
        full = list(inputs)
        for k, value in zip(real, given):
            full[k] = value
        return list(function(*full))

    ways = [jax.jacrev, jax.jacfwd]
    if sum(sizes) > sum(inputs[k].size for k in real):
        ways.reverse()
    failure: Exception | None = None
    for way in ways:
        try:
            found = way(of_real, argnums=tuple(range(len(real))))(*[inputs[k] for k in real])
        except Exception as error:  # JAX's own: a loop that only goes one way, a rule for one direction alone
            failure = failure or error
            continue
        return [
            {k: np.asarray(part, np.float64).reshape(size, inputs[k].size) for k, part in zip(real, parts)}
            for size, parts in zip(sizes, found)
        ]
    first = str(failure).strip().splitlines()[0] if str(failure).strip() else type(failure).__name__
    raise UserError(
        f"`{draw.case.layer.name}` cannot be differentiated: {first}",
        path=draw.case.layer.path,
        line=draw.case.layer.forward_line,
        mend="a Jacobian needs a forward that JAX can differentiate as a whole",
    )
