"""What is said of a gate: sentences in upstream, local and downstream terms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck_cli.diagnose.gates.elementwise import Family
from gradcheck_cli.diagnose.gates.names import Names
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement
from gradcheck_cli.diagnose.source import Use
from gradcheck_cli.judge.words import listing


@dataclass(frozen=True)
class Told:
    """A claim with its mend, and the place in the forward that both speak of."""

    claim: str
    mend: str | None
    use: Use


def told(replacement: Replacement, names: Names, gradients: Sequence[str]) -> Told | None:
    """What is said of a wrong local derivative; None where no line of the user's is known, or no name of a value.

    Args:
        gradients: those that are wrong by it, as the user calls them.
    """
    use = names.use(replacement.position, replacement.operand)
    if use is None:
        return None
    yours, verb = listing(gradients), (lambda one, many: one if len(gradients) == 1 else many)
    place = f"`{use.expression}` (line {use.line})"
    family, kind = replacement.family, replacement.kind
    if kind is Kind.MASK:
        where = f"the mask of `{_sibling(replacement, names)}`" if replacement.sibling else replacement.said
        let = f"your {yours} {verb('lets', 'let')} the gradient through {place}"
        rule = _passes(family, names, replacement)
        if replacement.sibling is not None:
            return Told(f"{let} by {where}: {rule}", None, use) if _sibling(replacement, names) else None
        return Told(f"{let} {where}: {rule}", None, use)
    due = _due(replacement, names)
    if kind is Kind.LEFT_OUT:
        if family is None or family.other is not None:
            other = _other(replacement, names)
            if not other:
                return None
            claim = f"your {yours} {verb('leaves', 'leave')} out `{other}` of {place}"
            return Told(f"{claim}: multiply the upstream gradient by it", None, use)
        claim = f"your {yours} {verb('passes', 'pass')} {place} unchanged"
        return Told(f"{claim}: multiply the upstream gradient by its local derivative{due}", None, use)
    if kind is Kind.SLIP:
        has = f"your {yours} {verb('takes', 'take')} {_written(replacement.said, replacement, names)}"
        return Told(f"{has} for the local derivative of {place}{_right(due)}", None, use)
    other = _sibling(replacement, names)
    if not other:
        return None
    if kind is Kind.ELSEWHERE:
        at = names.value(replacement.target) or names.operand(replacement.position, replacement.operand)
        taken = f"your {yours} {verb('takes', 'take')} the local derivative of {place} at `{other}`"
        return Told(f"{taken}: take it at `{at}`" if at else taken, None, use)
    belongs = _other(replacement, names)
    if not belongs or belongs == other:
        return None
    return Told(
        f"your {yours} {verb('uses', 'use')} `{other}` where `{belongs}` belongs, in {place}",
        f"multiply the upstream gradient by `{belongs}` there",
        use,
    )


def _passes(family: Family | None, names: Names, replacement: Replacement) -> str:
    if family is not None and family.function is not None:
        return f"its local derivative is {_written(family.function.derivative.text, replacement, names)}"
    return "it may pass only where the forward took that value"


def _right(due: str) -> str:
    return f": it is {due.removeprefix(', ')}" if due else ""


def _due(replacement: Replacement, names: Names) -> str:
    family = replacement.family
    if family is None or family.other is not None or family.function is None:
        return ""
    return f", {_written(family.function.derivative.text, replacement, names)}"


def _written(formula: str, replacement: Replacement, names: Names) -> str:
    """A formula in x and y with the user's names in their places."""
    family = replacement.family
    x = names.operand(replacement.position, replacement.operand) if replacement.steps == 1 else ""
    x = x or names.value(replacement.target)
    if family is not None and family.other is not None and family.function is None:
        y = names.operand(replacement.position, family.other)
    else:
        y = names.result(replacement.position)
    used = set(re.findall(r"\b[xy]\b", formula))
    if ("x" in used and not x) or ("y" in used and not y):
        known = [f"{letter} its {what}" for letter, what in (("x", "input"), ("y", "output")) if letter in used]
        return f"{formula}, with {' and '.join(known)}"
    return re.sub(r"\b[xy]\b", lambda match: _inner(x if match[0] == "x" else y), formula)


def _inner(text: str) -> str:
    return text if re.fullmatch(r"[\w.\[\]'\"]+|[\w.]+\([^()]*\)", text) else f"({text})"


def _other(replacement: Replacement, names: Names) -> str:
    return names.operand(replacement.position, 1 - replacement.operand)


def _sibling(replacement: Replacement, names: Names) -> str:
    return names.value(replacement.sibling.values[0]) if replacement.sibling is not None else ""
