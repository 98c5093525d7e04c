"""What is said of a gate: sentences in upstream, local and downstream terms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck_cli.diagnose.gates.names import Names
from gradcheck_cli.diagnose.gates.overwriting import INDEX, TAKEN
from gradcheck_cli.diagnose.gates.replacements import AS_OUTPUT, Kind, Replacement
from gradcheck_cli.diagnose.gates.selections import ALSO_WRITTEN, ONLY_WRITTEN
from gradcheck_cli.diagnose.hypotheses.rearranging import along
from gradcheck_cli.diagnose.source import Use
from gradcheck_cli.judge.words import listing

_X_OR_Y = re.compile(r"\b[xy]\b")
SHORT = re.compile(r"[\w.]+(\[[^\[\]]*\])?")
"""What can stand in a formula as it is: `h`, `self.out`, `x[0]`."""

_VERBS = {
    "goes": "go",
    "takes": "take",
    "undoes": "undo",
    "cuts": "cut",
    "puts": "put",
    "reads": "read",
    "runs": "run",
    "swaps": "swap",
    "leaves": "leave",
    "tiles": "tile",
    "shares": "share",
    "carries": "carry",
    "hands": "hand",
    "multiplies": "multiply",
    "divides": "divide",
    "sorts": "sort",
    "lets": "let",
}
"""Of one gradient, and of several."""


@dataclass(frozen=True)
class Told:
    """A claim with its mend, and the place in the forward that both speak of, where it is known."""

    claim: str
    mend: str | None
    use: Use | None


def told(replacement: Replacement, names: Names, gradients: Sequence[str]) -> Told | None:
    """What is said of a wrong local derivative; None where no line of the user's is known, or no name of a value.

    Args:
        gradients: those that are wrong by it, as the user calls them.
    """
    use = names.use(replacement.position, replacement.operand)
    if use is None and replacement.kind in (Kind.TRANSPOSED, Kind.MISPLACED, Kind.EXPONENT, Kind.FORMULA):
        use = names.use_before(replacement.position, replacement.operand)
    if use is None:
        return _unplaced(replacement, names, gradients)
    place = f"`{use.expression}` (line {use.line})"
    if replacement.is_leaving:
        place += " on the way out of the loop"
    say = _Saying(replacement, names, tuple(gradients), place)
    says = {
        Kind.LEFT_OUT: say.left_out,
        Kind.OVERWRITTEN: say.overwritten,
        Kind.AVERAGED: say.averaged,
        Kind.MASK: say.mask,
        Kind.SLIP: say.slip,
        Kind.OTHER_VALUE: say.other_value,
        Kind.ELSEWHERE: say.elsewhere,
        Kind.TRANSPOSED: say.arranged,
        Kind.MISPLACED: say.arranged,
        Kind.EXPONENT: say.arranged,
        Kind.FORMULA: say.arranged,
        Kind.REDUCTION: say.reduction,
    }
    found = says[replacement.kind]()
    return None if found is None else Told(*found, use)


def _unplaced(replacement: Replacement, names: Names, gradients: Sequence[str]) -> Told | None:
    """Of `out[mask] = 0` the line is not known."""
    if replacement.said not in (ALSO_WRITTEN, ONLY_WRITTEN):
        return None
    over = names.value(replacement.target)
    said = replacement.said.removesuffix("it") + f"`{over}`" if over else replacement.said
    lets = "lets" if len(gradients) == 1 else "let"
    rule = "it may pass only where the value is kept"
    return Told(f"your {listing(gradients)} {lets} the gradient through {said}: {rule}", None, None)


Pair = tuple[str, str | None]
"""A claim and its mend."""


@dataclass(frozen=True)
class _Saying:
    replacement: Replacement
    names: Names
    gradients: tuple[str, ...]
    place: str

    def left_out(self) -> Pair | None:
        primitive = self.names.primitive(self.replacement.position) if self._is_of_two else ""
        if primitive == "div" and self.replacement.operand == 1:
            primitive = ""
        if primitive in ("mul", "div", "dot_general"):
            other = self._other
            if not other:
                return None
            does = "divide" if primitive == "div" else "multiply"
            leaves = f"{self._yours('leaves', 'leave')} out `{other}` of {self.place}"
            if primitive == "div" and other == self.names.operand(self.replacement.position, 0):
                # the count of a mean has no name: what was found is the text of what it is a mean of
                leaves = f"{self._yours('leaves', 'leave')} out what {self.place} divides by"
            return f"{leaves}: {does} the upstream gradient by it", None
        claim = f"{self._yours('passes', 'pass')} {self.place} unchanged"
        return f"{claim}: multiply the upstream gradient by its local derivative{self._due(', ')}", None

    def overwritten(self) -> Pair | None:
        return f"{self._yours('keeps', 'keep')} {self._where_taken}: they must add up", self._adding

    def averaged(self) -> Pair | None:
        return f"{self._yours('averages', 'average')} {self._where_taken}: they must add up", None

    @property
    def _where_taken(self) -> str:
        said = self.replacement.said
        if not self._is_index:
            said = said.replace(INDEX, TAKEN)
        value = self.names.value(self.replacement.target)
        return said.replace("{value}", f"`{value}`" if value else "one value").replace("{place}", self.place)

    @property
    def _adding(self) -> str:
        if INDEX not in self.replacement.said:
            return "`+=` in place of `=`"
        adding = "`np.add.at(…)`, or `.at[…].add(…)` in JAX"
        return f"`+=` by an index adds once: use {adding}" if self._is_index else f"`+=`; by an index, {adding}"

    @property
    def _is_index(self) -> bool:
        return self.place.split("` ")[0].endswith("]")

    def mask(self) -> Pair | None:
        lets = f"{self._yours('lets', 'let')} the gradient through {self.place}"
        rule = self._due("its local derivative is ") or "it may pass only where the forward took that value"
        if self.replacement.sibling is not None:
            return (f"{lets} by the mask of `{self._sibling}`: {rule}", None) if self._sibling else None
        if self.replacement.said == "everywhere" and self.names.is_part(self.replacement.position):
            return f"{lets} also where it is to be stopped: {rule}", None
        x = self._input or "its input"
        said = re.sub(r"\bx\b", f"`{x}`", self.replacement.said)
        return f"{lets} {said}: {rule}", None

    def slip(self) -> Pair | None:
        takes = f"{self._yours('takes', 'take')} {self._written(self.replacement.said)} for the local derivative of"
        return f"{takes} {self.place}{self._due(': it is ')}", None

    def other_value(self) -> Pair | None:
        if self.replacement.family is not None and self.replacement.family.other is None:
            takes = f"{self._yours('takes', 'take')} `{self._sibling}` for the local derivative of {self.place}"
            return (takes + self._due(": it is "), None) if self._sibling else None
        belongs, other = self._other, self._sibling
        if belongs == other and self._gives:
            # a loop's state, and the next turn's
            other = self._gives
        elif belongs == other:
            # a helper's argument may have the name of another value where it is called
            belongs = self.names.made(self.replacement.position, 1 - self.replacement.operand)
        if not other or belongs == other:
            return None
        uses = f"{self._yours('uses', 'use')} `{other}`"
        if not belongs:
            return f"{uses} in place of what {self.place} multiplies by", None
        return f"{uses} where `{belongs}` belongs, in {self.place}", None

    def elsewhere(self) -> Pair | None:
        if not self._sibling:
            return None
        if self.replacement.said == AS_OUTPUT:
            takes = f"{self._yours('takes', 'take')} `{self._sibling}` for the output of {self.place}"
            return f"{takes} in its local derivative{self._due(', ')}", None
        taken = f"{self._yours('takes', 'take')} the local derivative of {self.place} at `{self._sibling}`"
        at = self._input
        return (f"{taken}: take it at `{at}`" if at else taken), None

    def arranged(self) -> Pair | None:
        other = self._other
        if other == self.names.result(self.replacement.position):
            other = ""
        written = {verb: verb if len(self.gradients) == 1 else plural for verb, plural in _VERBS.items()}
        written |= {"place": self.place, "other": f"`{other}`" if other else "the other operand"}
        about = self.names.value(self.replacement.about) if self.replacement.about is not None else ""
        written["value"] = f"`{about}`" if about else "a term"
        is_short = bool(SHORT.fullmatch(other))
        turned = other.removesuffix(".T") if other.endswith(".T") else f"{other}.T"
        written["its transpose"] = f"`{turned}`" if is_short else "its transpose"
        claim = f"your {listing(self.gradients)} {self.replacement.said.format_map(written)}"
        return claim, self.replacement.mend.format_map(written) or None

    def reduction(self) -> Pair | None:
        found = self.replacement.reduction
        if found is None:
            return None
        uses = [self.names.use(position, 0) for position in found.positions]
        places = list(dict.fromkeys(f"`{use.expression}` (line {use.line})" for use in uses if use is not None))
        axes = self.names.axes(found.shape)
        right = along(axes, found.axes)
        through = f"in the path{'s' if len(places) > 1 else ''} through {' and '.join(places)}"
        if not found.wrong:
            spreads = f"{self._yours('spreads', 'spread')} the sum over {right} along the wrong axes"
            return f"{spreads}, {through}: keep its axes there, with keepdims=True", None
        if found.weight is not None:
            takes, weight = self._yours("takes", "take"), self.names.value(found.weight)
            mend = f"weight it by `{weight}` and sum" if weight else "weight it and sum"
            return f"{takes} a plain mean over {right} {through}: {mend} there", None
        verb = "reduce" if found.is_as_large else "average" if found.is_mean else "sum"
        does = self._yours(f"{verb}s", verb)
        numbers = [-1 if axis == len(found.shape) - 1 else axis for axis in found.axes]
        axis = f"axis={numbers[0] if len(numbers) == 1 else found.axes}"
        wrong = along(axes, found.wrong)
        return f"{does} over {wrong} {through}, where the forward reduces over {right}: use {axis} there", None

    def _yours(self, one: str, many: str) -> str:
        return f"your {listing(self.gradients)} {one if len(self.gradients) == 1 else many}"

    @property
    def _is_of_two(self) -> bool:
        return self.replacement.family is None or self.replacement.family.other is not None

    @property
    def _input(self) -> str:
        return self.names.input(self.replacement.position, self.replacement.target)

    @property
    def _other(self) -> str:
        return self.names.operand(self.replacement.position, 1 - self.replacement.operand)

    @property
    def _sibling(self) -> str:
        sibling = self.replacement.sibling
        if sibling is None:
            return ""
        written = self.names.written(*sibling.at) if sibling.at is not None else ""
        # in a loop, what the first turn starts from is called otherwise
        return written if written and len(sibling.values) > 1 else self.names.value(sibling.values[-1]) or written

    @property
    def _gives(self) -> str:
        """The expression of the loop that gives the sibling; "" where it is another's operand."""
        sibling = self.replacement.sibling
        is_given = sibling is not None and sibling.at is None and len(sibling.values) > 1
        maker = self.names.maker(sibling.values[-1]) if sibling is not None and is_given else None
        return "" if maker is None else self.names.expression(maker)

    def _due(self, before: str) -> str:
        """The right derivative, where it is known."""
        family = self.replacement.family
        if family is None or family.function is None:
            return ""
        return before + self._written(str(family.function.derivative), is_of_function=True)

    def _written(self, formula: str, *, is_of_function: bool = False) -> str:
        """A formula in x and y with the user's names in their places."""
        replacement, names = self.replacement, self.names
        x = self._input
        y, whose = names.result(replacement.position), "output"
        if replacement.family is not None and replacement.family.is_of_two and not is_of_function:
            y, whose = self._other, "other operand"
        used = set(_X_OR_Y.findall(formula))
        texts, notes = {"x": x, "y": y}, []
        for letter, what in (("x", "input"), ("y", whose)):
            if letter in used and not SHORT.fullmatch(texts[letter]):
                if formula == letter:
                    return f"its {what}"
                texts[letter] = letter
                notes.append(f"{letter} its {what}")
        text = _X_OR_Y.sub(lambda match: texts[match[0]], formula)
        return f"{text} ({', '.join(notes)})" if notes else text
