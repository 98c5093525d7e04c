"""What is said of numbers that were read out of a backward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.diagnose.gates.names import Names
from gradcheck_cli.diagnose.gates.recovered import other_places
from gradcheck_cli.diagnose.gates.wording import SHORT
from gradcheck_cli.diagnose.recovery.fitting import Fit
from gradcheck_cli.diagnose.recovery.reading import Kind, Read
from gradcheck_cli.diagnose.recovery.sites import What
from gradcheck_cli.diagnose.source import Use
from gradcheck_cli.judge.words import listing, pair


def said(fit: Fit, one: Read, use: Use | None, names: Names, gradients: Sequence[str], case: GateCase) -> str | None:
    """The claim; None where it cannot be said.

    Args:
        gradients: those that are wrong, as the user calls them.
    """
    yours, takes = f"your {listing(gradients)}", "takes" if len(gradients) == 1 else "take"
    value = "" if one.value is None else names.value(one.value)
    if one.value is not None and not value:
        return None
    made = _made(one.how, value)
    if fit.site.what is What.WHOLE:
        return _of_whole(fit, one, use, yours)
    if use is None:
        return _of_leaf(yours, one, made) if not fit.site.positions else None
    place = f"`{use.expression}` (line {use.line})"
    through = place if fit.site.what is What.VALUE or not use.operand else f"`{use.operand}` in {place}"
    if one.kind is Kind.ZERO:
        has = "has" if len(gradients) == 1 else "have"
        return f"{yours} {has} no contribution through {through}: that path must be added"
    if one.kind is Kind.SCALED and one.number is not None:
        return f"{yours} {takes} {one.number:.4g} times the path through {through}: that path must enter once"
    if fit.site.what is What.OPERAND:
        written = names.operand(fit.site.positions[-1], 1 - fit.site.operand)
        other = f"`{written}`" if written and written != use.expression else "the other factor"
        return _of_operand(yours, one, made, place, use, other)
    what = f"the local derivative of {place}"
    if fit.site.what is What.EDGE and use.operand not in ("", use.expression):
        what += f" by `{use.operand}`"
    if one.kind is Kind.ONE:
        return f"{yours} {takes} 1 for {what}: multiply the upstream gradient by it"
    if one.kind is Kind.PART:
        return f"{yours}: only some of what flows to `{use.operand}` in {place} is summed up"
    if one.kind is Kind.MASK:
        return f"{yours}: the gradient passes {place} at other elements than it may{_places(fit, names, case)}"
    if one.kind is Kind.REPLACED:
        return f"{yours} {takes} `{made}` for {what}"
    if one.kind is Kind.MULTIPLIED:
        slip = _slip(fit, one, case)
        if slip:
            does = slip if takes == "takes" else slip.replace("leaves", "leave").replace("takes", "take")
            return f"{yours} {does.format(f'`{value}`')} {place}"
        return f"{yours} {takes} {what} times `{made}`: that factor does not belong there"
    if one.kind is Kind.NUMBER and one.number is not None:
        return f"{yours} {takes} {one.number:.4g} for {what} everywhere"
    return f"{yours} {takes} other numbers for {what}: {_example(fit, case)}"


def _places(fit: Fit, names: Names, case: GateCase) -> str:
    """Which they are, where each has an input of its own; what no upstream gradient came to is taken as right."""
    x = case.known.values[fit.site.targets[0]].reshape(-1)
    name = names.value(fit.site.targets[0])
    if len(fit.site.targets) > 1 or x.size != fit.right.size or not name:
        return ""
    found = other_places(np.where(fit.known, fit.used, fit.right), fit.right, x, f"`{name}`")
    return found and f": {found}"


def _slip(fit: Fit, one: Read, case: GateCase) -> str:
    """What was done with the step's own operand, where the factor too many is made of that; "" for any other factor."""
    step = case.forward.steps.steps[fit.site.positions[-1]]
    name = str(step.equation.primitive.name)
    others = [operand.value for operand in step.operands]
    if one.value not in others:
        return ""
    slips = {
        ("div", "{}"): "leaves out the division by {} in",
        ("div", "1 / {}"): "takes the division by {} twice in",
        ("mul", "1 / {}"): "leaves out the factor {} in",
        ("mul", "{}"): "takes the factor {} twice in",
    }
    if name == "div" and others[-1] != one.value:
        return ""
    return slips.get((name, one.how), "")


def _made(how: str, value: str) -> str:
    is_short = bool(SHORT.fullmatch(value)) or how == "{}"
    return how.replace("{}", value if is_short else f"({value})")


def _of_whole(fit: Fit, one: Read, use: Use | None, yours: str) -> str | None:
    place = f" of `{use.expression}` (line {use.line})" if use is not None else ""
    if one.kind is Kind.ALONE:
        return f"{yours} has what each element does to its own output, and nothing of what it does to the others"
    if one.kind is Kind.MASK:
        where = f" `{use.expression}` (line {use.line})" if use is not None else ""
        return f"{yours}: the gradient passes{where} at other elements than it may"
    if one.kind is Kind.ONE:
        return f"{yours} is the upstream gradient itself: multiply it by the local derivative{place}"
    if one.kind is Kind.NUMBER and one.number is not None:
        return f"{yours} is {one.number:.4g} times the upstream gradient, whatever the local derivative{place}"
    if one.kind is Kind.UNKNOWN:
        at = _worst(fit)
        multiplies = f"multiplies the upstream gradient by other numbers than the local derivative{place}"
        used, right = pair(float(fit.used[at]), float(fit.right[at]))
        return f"{yours} {multiplies}: at one element by {used} in place of {right}"
    return None


def _of_leaf(yours: str, one: Read, made: str) -> str | None:
    if one.kind is Kind.MULTIPLIED:
        return f"{yours} is the gradient times `{made}`: that factor does not belong there"
    return None


def _of_operand(yours: str, one: Read, made: str, place: str, use: Use, other: str) -> str | None:
    where = f"in {place}"
    if use.operand not in ("", use.expression):
        where = f"on the way to `{use.operand}` in {place}"
    if one.kind is Kind.TRANSPOSED:
        return f"{yours}: {other} is taken transposed {where}"
    if one.kind is Kind.FLIPPED:
        return f"{yours}: {other} is taken in another order along an axis, {where}"
    if one.kind is Kind.REPLACED:
        return f"{yours}: `{made}` stands where {other} belongs, {where}"
    if one.kind is Kind.MULTIPLIED and made.replace("(", "").replace(")", "") == f"-1 / {other.strip('`')}":
        return f"{yours}: -1 stands where {other} belongs, {where}"
    if one.kind is Kind.MULTIPLIED:
        return f"{yours}: {other} is taken times `{made}` {where}: that factor does not belong there"
    if one.kind is Kind.ONE:
        return f"{yours}: {other} is left out {where}"
    if one.kind is Kind.PART:
        some = f"only some of the terms with {other} are summed up {where}"
        return f"{yours}: {some}: the others are lost, as by `=` in place of `+=`"
    if one.kind is Kind.UNKNOWN:
        return f"{yours}: something else stands where {other} belongs, {where}"
    return None


def _worst(fit: Fit) -> int:
    """The known number that is farthest from the right one."""
    return int(np.argmax(np.where(fit.known, np.abs(fit.used - fit.right), -1.0)))


def _example(fit: Fit, case: GateCase) -> str:
    place = _worst(fit)
    results = fit.site.results[:1] if fit.site.is_shared else fit.site.results
    sizes = [int(np.prod(case.reverse.shape(result))) for result in results]
    turn, inside = 0, place
    while inside >= sizes[turn]:
        inside, turn = inside - sizes[turn], turn + 1
    index = [int(one) for one in np.unravel_index(inside, case.reverse.shape(fit.site.results[turn]))]
    yours, right = fit.used[place], fit.right[place]
    if fit.site.what is What.VALUE:
        return f"at {index} it is {yours:.4g} times what it must be"
    used, due = pair(float(yours), float(right))
    return f"at {index} it is {used} and must be {due}"
