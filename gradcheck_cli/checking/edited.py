"""A draw with some values set by hand: of its inputs, and of its upstream gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.checking.draws import Drawn, Draws
from gradcheck_cli.checking.keeping.layer import upstream_names
from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.session import Edit
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.inputs.building import as_given
from gradcheck_cli.layers.leaves import floating_kind, is_floating, leaf_name, rebuild, walk
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.upstream import draw_upstream, upstream_from


def taken(draws: Draws, index: int, edits: Sequence[Edit] = ()) -> tuple[Drawn, Upstream]:
    """Draw number `index` with these values, and its upstream gradient.

    Raises:
        UserError: without a code, for a value that cannot be set; GC502, for a forward that raises.
    """
    for earlier in range(index):  # a draw may be small because one before it was found to be too large
        draws.take(earlier)
    drawn = draws.take(index)
    known = _names(drawn.case)
    inner = [edit for edit in edits if edit.name in known]
    if inner:
        drawn = draws.of(_with_values(drawn.case, inner))
    upstream = draw_upstream(drawn.case.layer, drawn.case, drawn.result.outputs)
    outer = [edit for edit in edits if edit.name not in known]
    return drawn, _with_upstream(drawn, upstream, outer) if outer else upstream


def _names(case: Case) -> frozenset[str]:
    return frozenset(leaf_name(name, path) for name, value in case.arguments.items() for path, _ in walk(value))


def _with_values(case: Case, edits: Sequence[Edit]) -> Case:
    by_name: dict[str, list[Edit]] = {}
    for edit in edits:
        by_name.setdefault(edit.name, []).append(edit)

    def changed(name: str, array: Any) -> Any:
        return set_values(array, by_name[name]) if name in by_name else array

    arguments = {
        name: rebuild(value, lambda path, leaf, name=name: changed(leaf_name(name, path), leaf))  # type: ignore[misc]
        for name, value in case.arguments.items()
    }
    leaves = tuple(replace(leaf, value=np.asarray(changed(leaf.name, leaf.value))) for leaf in case.leaves)
    return replace(case, arguments=as_given(case.layer, arguments), leaves=leaves)


def _with_upstream(drawn: Drawn, upstream: Upstream, edits: Sequence[Edit]) -> Upstream:
    layer, outputs = drawn.case.layer, drawn.result.outputs
    if layer.unit_upstream:
        raise UserError(
            f"`{edits[0].name}` cannot be set: the upstream gradient of `{layer.name}` is 1, as it is written"
        )
    named = dict(zip(upstream_names(layer, len(outputs)), outputs))
    names = [leaf_name(name, path) for name, value in named.items() for path, leaf in walk(value) if is_floating(leaf)]
    values = dict(zip(names, upstream.flat))
    for edit in edits:
        if edit.name not in values:
            raise UserError(f"there is no input `{edit.name}` whose values could be set")
        values[edit.name] = set_values(values[edit.name], [edit])
    return upstream_from(layer, outputs, list(values.values()))


def set_values(array: Any, edits: Sequence[Edit]) -> Any:
    """A copy in NumPy with these elements, of the same memory layout and writeability.

    Raises:
        UserError: without a code, for a value that it cannot hold.
    """
    if not hasattr(array, "dtype") or not hasattr(array, "shape"):
        raise UserError(f"`{edits[0].name}` is no array")
    changed = np.array(array, order="K")
    for edit in edits:
        if not 0 <= edit.position < changed.size:
            raise UserError(f"`{edit.name}` has no element {edit.position}")
        if not floating_kind(changed.dtype):
            _refuse_fraction(edit, changed.dtype)
        changed.flat[edit.position] = edit.value
    changed.flags.writeable = getattr(getattr(array, "flags", None), "writeable", True)
    return changed[()] if isinstance(array, np.generic) else changed


def _refuse_fraction(edit: Edit, dtype: np.dtype[Any]) -> None:
    """Labels and masks take whole numbers."""
    least, most = (0, 1) if dtype.kind == "b" else (0, 0)
    if dtype.kind in "iu":
        least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if not (np.isfinite(edit.value) and float(edit.value).is_integer() and least <= edit.value <= most):
        raise UserError(f"`{edit.name}` holds {dtype}, which cannot be {edit.value:g}")
