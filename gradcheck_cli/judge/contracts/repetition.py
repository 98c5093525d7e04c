"""GC303, GC305, GC306, GC308: the same calls give the same gradients, and earlier ones stay what they were."""

from __future__ import annotations

import numpy as np

from gradcheck_cli.judge.contracts.comparing import apart, each_apart, equal, evenly
from gradcheck_cli.judge.dimensions.receiving import finding
from gradcheck_cli.judge.noise.tolerance import unmeasured_rounding
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.layers.layer import Role
from gradcheck_cli.report.model import Finding
from gradcheck_cli.witnesses.conduct.interleaved import Reused
from gradcheck_cli.witnesses.conduct.repeated import Repeated
from gradcheck_cli.witnesses.conduct.situations import Gradients


def nondeterministic(verdict: DrawVerdict, seen: Repeated) -> tuple[Finding, ...]:
    """GC305, or GC308 where what differs from call to call is that the gradient grows by itself each time."""
    case = verdict.case
    if seen.anew_error is not None:
        message = (
            f"the second time, on the same inputs, it failed: {seen.anew_error.message.partition('; inputs')[0]}; the "
            "first time it ran"
        )
        return (finding(case, "GC305", message, None, "keep nothing from one call to the next"),)
    dtypes = [case.dtype]
    for position, (one, other) in enumerate(zip(seen.outputs, seen.anew_outputs)):
        size = float(np.max(np.abs(one), initial=0.0, where=np.isfinite(one)))
        difference = apart(other, one, evenly(4 * unmeasured_rounding(dtypes) * size))
        if difference is not None:
            which = "the output" if len(seen.outputs) == 1 else f"output {position}"
            message = f"the same inputs gave other outputs: {which} differs in {difference.numbers}"
            mend = "seed whatever is random, and keep nothing from one call to the next"
            return (finding(case, "GC305", message, None, mend),)
    different = each_apart(verdict.leaves, seen.anew, seen.first)
    growing = [leaf for leaf, _ in different if _grows(leaf, seen, verdict.leaves.index(leaf))]
    if growing:
        return tuple(_accumulates(verdict, leaf, "with every call, whatever its inputs") for leaf in growing)
    found = []
    for leaf, difference in different:
        message = f"the same inputs and upstream gradient gave another `{leaf.received.name}`: {difference.numbers}"
        mend = "draw random numbers in the forward, keep them for the backward, and keep nothing between calls"
        found.append(finding(case, "GC305", message, leaf.received.leaf.name, mend))
    return tuple(found)


def _grows(leaf: LeafVerdict, seen: Repeated, position: int) -> bool:
    """Whether three calls in a row gave k, k + 1 and k + 2 times the same gradient."""
    if seen.second is None or seen.anew is None or seen.once_more is None:
        return False
    one, two, three = seen.second[position], seen.anew[position], seen.once_more[position]
    if one is None or two is None or three is None or not one.shape == two.shape == three.shape:
        return False
    return bool(np.any(two - one)) and equal(three - two, two - one, leaf)


def second_backward(verdict: DrawVerdict, seen: Repeated, *, stepped: bool, keeps_state: bool) -> tuple[Finding, ...]:
    """GC303: a second backward on the same cache is another one.

    Args:
        stepped: the backward takes an optimiser's step, so that its second call sees other parameters.
        keeps_state: an instance, or an object in the cache, is there for gradients to add up in.
    """
    case = verdict.case
    if seen.second is None:
        if keeps_state or seen.second_error is None:
            return ()  # a class whose backward consumes what its forward kept
        error = seen.second_error
        message = f"a second backward on the same cache failed: {error.message.partition('; inputs')[0]}"
        mend = "read the cache, and leave it as it is"
        return (
            Finding("GC303", message, str(error.path or case.layer.path), error.line or case.layer.line, mend=mend),
        )
    if stepped:
        return ()
    found = []
    for leaf, difference in each_apart(verdict.leaves, seen.second, seen.first):
        position = verdict.leaves.index(leaf)
        first, second = seen.first[position], seen.second[position]
        if first is None or second is None:
            continue
        if keeps_state and equal(second, 2 * first, leaf):
            continue  # a stored gradient that adds up: `accumulates` decides, by what a new forward does
        message = f"a second backward on the same cache gave another `{leaf.received.name}`: {difference.numbers}"
        mend = "the backward changes what the forward kept: work on a copy of it"
        found.append(finding(case, "GC303", message, leaf.received.leaf.name, mend))
    return tuple(found)


def accumulates(verdict: DrawVerdict, seen: Reused) -> tuple[Finding, ...]:
    """GC308: on an instance used twice, the second gradient is the sum of both."""
    if seen.gradients is None:
        return ()
    found = []
    for leaf, before, both, own in zip(verdict.leaves, seen.earlier, seen.gradients, seen.own):
        if before is None or both is None or own is None or before.shape != own.shape or not np.any(before):
            continue
        if not equal(both, own, leaf) and equal(both, before + own, leaf):
            found.append(_accumulates(verdict, leaf, "from one call to the next on the same instance"))
    return tuple(found)


def overwritten(verdict: DrawVerdict, before: Gradients, after: Gradients) -> tuple[Finding, ...]:
    """GC306: a gradient that was returned is written to later, by the layer itself.

    Args:
        before, after: what the returned arrays held, and what they hold now (None where they are as they were).
    """
    found = []
    for leaf, now, then in zip(verdict.leaves, after, before):
        # what an instance stores for its parameters is replaced by its next backward: that is what storing is for
        if now is None or then is None or _is_parameter(verdict, leaf):
            continue
        difference = apart(now, then, evenly(0.0))
        if difference is not None:
            name = leaf.received.name
            message = f"`{name}`, once returned, was overwritten by a later call: {difference.numbers}"
            mend = f"return a new array each time: `return {name}.copy()`"
            found.append(finding(verdict.case, "GC306", message, leaf.received.leaf.name, mend))
    return tuple(found)


def _accumulates(verdict: DrawVerdict, leaf: LeafVerdict, how: str) -> Finding:
    name = leaf.received.name
    message = f"`{name}` grows {how}: it is added to, and nothing sets it back"
    mend = f"replace it: `{name} = ...` in place of `{name} += ...`"
    return finding(verdict.case, "GC308", message, leaf.received.leaf.name, mend)


def _is_parameter(verdict: DrawVerdict, leaf: LeafVerdict) -> bool:
    name = leaf.received.leaf.argument
    role = next((item.role for item in verdict.case.layer.arguments if item.name == name), Role.INPUT)
    return role in (Role.PARAMETER, Role.OWN_PARAMETER)
