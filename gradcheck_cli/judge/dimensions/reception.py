"""Count, structure, shape and absence, judged before values (GC101, GC102, GC103, GC105)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.dimensions.mends import Mend, mends, shape_sentence
from gradcheck_cli.judge.dimensions.receiving import Received, finding, receive, surplus_keys
from gradcheck_cli.judge.words import argument_gradient_name, axis_names, listing, plural
from gradcheck_cli.layers.case import Case, Leaf
from gradcheck_cli.layers.inputs.names import is_constant
from gradcheck_cli.layers.layer import BackwardResult, Role
from gradcheck_cli.report.model import Finding

Judge = Callable[[NDArray[Any]], bool | None]
"""Whether these values are right for a leaf; None where there is no reference for all of them."""


@dataclass(frozen=True)
class Reception:
    """What came back, sorted out by leaf.

    Attributes:
        leaves: one a leaf, in order.
        findings: about the backward as a whole: count, names that no argument has.
        explained: arguments whose absence or shape such a finding already explains.
        notes: sentences for the report.
        stub, mend: a sentence where the backward returned None altogether, and what to write; else "".
    """

    leaves: tuple[Received, ...]
    findings: tuple[Finding, ...] = ()
    explained: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    stub: str = ""
    mend: str = ""


def sort_out(case: Case, backward: BackwardResult, finest: float = 0.0) -> Reception:
    """Assign what came back to the leaves, and judge count, names, structure and dtypes.

    Args:
        case: what was differentiated.
        backward: what came back.
        finest: epsilon of the dtype that the forward itself computed in: a gradient need not be finer than that.
    """
    count, gradients, explained = _judge_count(case, backward)
    unknown = _judge_names(case, backward)
    if unknown:
        explained |= {name for name in case.differentiable if gradients.get(name) is None}
    leaves = receive(case, gradients, finest)
    notes = tuple(note for received in leaves for note in received.notes)
    # A key that is spelt wrong is missing and too many at once: one cause, one finding.
    broken = {received.leaf.argument for received in leaves if received.findings and received.array is None}
    surplus = [found for found in surplus_keys(case, gradients) if found.argument not in broken]
    return Reception(leaves, (*count, *unknown, *surplus), explained, notes, backward.stub, backward.mend)


def missing_finding(case: Case, reception: Reception, missing: Sequence[Received]) -> Finding:
    """GC103 for gradients that did not come back although the reference is not zero."""
    names = [received.name for received in missing]
    if reception.stub:
        argument = missing[0].leaf.name if len(missing) == 1 else None
        return finding(case, "GC103", reception.stub, argument, reception.mend)
    if len(missing) > 1:
        return finding(case, "GC103", f"the backward gives no gradient at all: {listing(names)} are missing", None)
    if case.layer.is_rule:
        what = f"`{names[0]}` is None, which JAX takes for zero, but it is not zero"
        mend = f"where `{missing[0].leaf.argument}` has none on purpose, {_on_purpose(missing[0])}"
        return finding(case, "GC103", what, missing[0].leaf.name, mend)
    return finding(case, "GC103", f"`{names[0]}` is None or was never stored, but it is not zero", missing[0].leaf.name)


def is_left_out(case: Case, received: Received) -> bool:
    """Whether a rule leaves out a constant in so many words: None, JAX's zero, for one number called `eps`.

    Nobody learns it, and None is how JAX's documentation says so; for an array (a bias, a mask that may be learnt) or a
    temperature it is the silent zero that this check is for.
    """
    leaf = received.leaf
    return case.layer.is_rule and received.missing and leaf.value.ndim == 0 and is_constant(leaf.name)


def _on_purpose(received: Received) -> str:
    if received.leaf.value.ndim:  # JAX takes no arrays for `nondiff_argnums`
        return "write `# gradcheck: ignore[GC103]` on the line of the backward"
    return "name it among the rule's `nondiff_argnums`"


def shape_finding(case: Case, received: Received, judge: Judge, others: Sequence[tuple[Received, Judge]]) -> Finding:
    """GC101, with the mend whose values are right where there is one.

    Args:
        received: a gradient whose shape is not its argument's.
        judge: whether values are right for this leaf.
        others: the other leaves' gradients whose shapes are wrong, each with its own judge.
    """
    array, leaf = received.array, received.leaf
    assert array is not None
    names = _expected_names(leaf)
    got_names = axis_names(array.shape, leaf.dimensions, leaf.value.shape, case.dimensions)
    sentence = shape_sentence(received.name, array.shape, got_names, leaf.value.shape, names)
    for other, other_judge in others:
        if _exchanged(received, other) and other_judge(array) is not False:
            mend = f"it looks like `{other.name}`: return the gradients in the order of the arguments"
            return finding(case, "GC101", f"{sentence}: {mend}", leaf.name, mend)
    candidates = mends(array.shape, leaf.value.shape, got_names, names, leaf.name)
    mended, right = _best(candidates, array, judge)
    if mended is None:
        return finding(case, "GC101", sentence, leaf.name)
    after = {True: "; its values are then right", False: "; its values are then still wrong", None: ""}[right]
    return finding(case, "GC101", f"{sentence}: {mended.text}{after}", leaf.name, mended.text)


def _best(candidates: Sequence[Mend], array: NDArray[Any], judge: Judge) -> tuple[Mend | None, bool | None]:
    """The first mend whose values are right, else the first."""
    verdicts = []
    for candidate in candidates:
        right = None if candidate.apply is None else judge(candidate.apply(array))
        if right:
            return candidate, True
        verdicts.append(right)
    return (candidates[0], verdicts[0]) if candidates else (None, None)


def _expected_names(leaf: Leaf) -> tuple[str, ...]:
    return leaf.dimensions if len(leaf.dimensions) == leaf.value.ndim else ("",) * leaf.value.ndim


def _exchanged(first: Received, second: Received) -> bool:
    return (
        first.array is not None
        and second.array is not None
        and first.array.shape == second.leaf.value.shape
        and second.array.shape == first.leaf.value.shape
    )


def _judge_names(case: Case, backward: BackwardResult) -> tuple[Finding, ...]:
    if not backward.unknown:
        return ()
    absent = [name for name in case.differentiable if name not in backward.gradients]
    verb = "names" if len(backward.unknown) == 1 else "name"
    message = f"the backward returns {listing(backward.unknown)}, which {verb} no argument"
    if absent:
        message += f", and nothing for {listing(absent)}"
    return (finding(case, "GC105", message, absent[0] if len(absent) == 1 else None),)


def _judge_count(case: Case, backward: BackwardResult) -> tuple[tuple[Finding, ...], Mapping[str, Any], frozenset[str]]:
    """GC102, the gradients as they were probably meant, and the arguments that lack one because of it."""
    gradients = backward.gradients
    returned, expected = backward.returned, backward.expected
    empty = all(value is None for value in gradients.values())
    if returned is None or expected is None or returned == expected or (empty and not backward.surplus):
        return (), gradients, frozenset()
    if returned > expected and len(backward.surplus) == returned - expected and _all_none(backward.surplus):
        return (), gradients, frozenset()
    names = [name for name in case.differentiable if gradients.get(name) is not None]
    values = [*(gradients[name] for name in names), *backward.surplus]
    aligned = _align(case, values)
    if aligned is not None:
        gradients = {**dict.fromkeys(case.differentiable), **aligned}
    absent = [name for name in case.differentiable if gradients.get(name) is None]
    wanted = listing([argument_gradient_name(case.layer, name) for name in case.differentiable])
    message = f"the backward returns {plural(returned, 'gradient')}, expected {expected} ({wanted})"
    if case.layer.is_rule and expected > len(case.differentiable):  # it gives None for a key or an index
        every = [argument.name for argument in case.layer.arguments if argument.role is Role.INPUT]
        message = (
            f"the rule returns {plural(returned, 'cotangent')}, expected {expected}: one each for {listing(every)}"
        )
    elif returned < expected and absent:
        verb = "is" if len(absent) == 1 else "are"
        message += f": {listing([argument_gradient_name(case.layer, name) for name in absent])} {verb} missing"
    argument = absent[0] if len(absent) == 1 else None
    # Where the order could not be made out, a shifted gradient's shape is a consequence of the wrong count.
    explained = frozenset(absent) if aligned is not None else frozenset(case.differentiable)
    return (finding(case, "GC102", message, argument),), gradients, explained


def _align(case: Case, values: Sequence[Any]) -> dict[str, Any] | None:
    """Which arguments the values belong to, by their shapes and in order, where only one answer fits."""
    shapes = {leaf.argument: leaf.value.shape for leaf in case.leaves if not leaf.path}
    names = [name for name in case.differentiable if name in shapes]
    if len(names) != len(case.differentiable):
        return None
    size = min(len(names), len(values))
    found = [
        dict(zip(chosen_names, chosen_values))
        for chosen_names in combinations(names, size)
        for chosen_values in combinations(values, size)
        if all(np.shape(value) == shapes[name] for name, value in zip(chosen_names, chosen_values))
    ]
    return found[0] if len(found) == 1 else None


def _all_none(values: Sequence[Any]) -> bool:
    return all(value is None or str(getattr(value, "dtype", "")) == "[('float0', 'V')]" for value in values)
