"""What each code means and what to do about it, in a few sentences: for formats that carry such a text with them.

The meaning is in the words of `docs/rules.md`, which a test compares; an example of each stands there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gradcheck_cli.report.codes import RULES
from gradcheck_cli.report.wrongs import INCONCLUSIVE


@dataclass(frozen=True)
class RuleHelp:
    """`meaning` says what was found, `mend` what to look at or to write; both are sentences in Markdown."""

    meaning: str
    mend: str


HELP: Mapping[str, RuleHelp] = MappingProxyType(
    {
        "GC101": RuleHelp(
            "The gradient's shape is not its argument's. Where a sum, a transpose or a reshape gives it the right "
            "shape, and the right values, the finding says which, in the names of your dimensions.",
            "A gradient has the shape of its argument: sum over the axes along which it was broadcast.",
        ),
        "GC102": RuleHelp(
            "The backward returns more or fewer gradients than the forward has differentiable arguments.",
            "Return one gradient for each differentiable argument, in their order.",
        ),
        "GC103": RuleHelp(
            "A gradient is `None`, or was never stored, and the true one is not zero. "
            "A backward that is still a stub gets this too.",
            "Compute it and return or store it.",
        ),
        "GC104": RuleHelp(
            "The gradient is of a narrower floating dtype than its argument, of integers, or complex for a real "
            "argument.",
            "Make it of the argument's dtype: `np.zeros_like(w)` rather than `np.zeros(w.shape, dtype=np.float32)`.",
        ),
        "GC105": RuleHelp(
            "A dict, list or tuple of gradients is not built like its argument: a key is missing or unknown, "
            "or the nesting differs.",
            "Build it with the same keys and the same nesting as the argument.",
        ),
        "GC201": RuleHelp(
            "Elements of the gradient are wrong.",
            "Look at the ratio of yours to the reference: the same everywhere is a missing factor, −1 is a sign; "
            "only some wrong elements point to a mask or an index; right in a batch of one and wrong in a larger one "
            "points to a sum or a mean over the batch.",
        ),
        "GC202": RuleHelp(
            "Yours is the reference times one number: N, 1/N, 2, a dimension's size.",
            "Look for a mean taken for a sum, or a factor of the forward that was left out.",
        ),
        "GC203": RuleHelp("Yours is the reference times −1.", "Turn the sign of the term."),
        "GC204": RuleHelp("Yours is the reference with its axes permuted.", "Transpose it back."),
        "GC205": RuleHelp(
            "Yours for one argument is the reference for another.", "Return the gradients in the arguments' order."
        ),
        "GC206": RuleHelp(
            "A sum for a mean, a sum missing, one too many, or over the wrong axis.",
            "Sum the gradient over the axes along which the forward broadcast, and divide where it took a mean.",
        ),
        "GC207": RuleHelp(
            "The gradient does not depend on the upstream gradient: it is that of a sum of all outputs. "
            "Or the upstream gradient enters twice, so that twice the upstream gives four times the gradient.",
            "Multiply the local derivative by the upstream gradient, once.",
        ),
        "GC208": RuleHelp(
            "One step's local derivative is left out or replaced.",
            "Multiply by that step's derivative at the values that the forward saw.",
        ),
        "GC209": RuleHelp(
            "A path through a named line of the forward is missing.",
            "A value that is used twice gets the sum of both gradients: add the missing one.",
        ),
        "GC210": RuleHelp(
            "A path has the wrong factor or sign.", "Compare the term of that path with the named line of the forward."
        ),
        "GC211": RuleHelp(
            "Only a slice, row, border, corner or single element differs.",
            "Look at the loop's bounds, the padding and the indices there.",
        ),
        "GC212": RuleHelp(
            "A selection lets the gradient through in the wrong places.",
            "Use the very mask that the forward used: kept in the cache, not computed anew.",
        ),
        "GC213": RuleHelp(
            "Yours is the reference flipped, rolled or shifted.", "Compare the indices of both directions."
        ),
        "GC214": RuleHelp(
            "The gradient belongs to another call of the forward: what the backward needs is kept in the module or in "
            "the class, where the next call puts its own, or an instance that is used again still has what its first "
            "call left.",
            "Keep what the backward needs in the cache that the forward returns.",
        ),
        "GC301": RuleHelp(
            "Forward or backward changes an argument or a parameter. Whoever holds that array finds other numbers in "
            "it.",
            "Work on a copy: `x = x.copy()`.",
        ),
        "GC302": RuleHelp(
            "The backward changes the upstream gradient. Where two layers get the same one, as after a sum, the second "
            "sees what the first one left.",
            "Work on a copy: `dx = dout.copy()`.",
        ),
        "GC303": RuleHelp(
            "A second backward on the same cache, with the same upstream gradient, gives something else, or fails.",
            "Leave the cache as it is: work on a copy of what it holds.",
        ),
        "GC304": RuleHelp(
            "A backward is linear in the upstream gradient: `backward(a·g + b·h) = a·backward(g) + b·backward(h)`, "
            "and `backward(0) = 0`. Clipping, normalising, masks of the upstream gradient, and terms without it "
            "(weight decay) are not.",
            "Clip and decay where the optimiser takes its step, not in the layer.",
        ),
        "GC305": RuleHelp(
            "The same inputs gave other outputs, or other gradients.",
            "Draw in the forward, keep what was drawn in the cache, and fill memory before it is read.",
        ),
        "GC306": RuleHelp(
            "A gradient that was returned is overwritten later by the layer itself: it lies in a buffer, or in memory "
            "of an input or the cache that is written again.",
            "Return a copy: `return dx.copy()`.",
        ),
        "GC307": RuleHelp(
            "A forward with a `reference` computes something else than it.",
            "Compare both where the report shows the largest difference.",
        ),
        "GC308": RuleHelp(
            "Stored gradients grow with every call, and nothing sets them back.",
            "Assign the gradient (`self.dW = ...`), or fill it with zeros where a new step begins.",
        ),
        "GC401": RuleHelp(
            "The gradient is NaN or infinite where the true one is finite.",
            "Look for a quotient of two small or two large numbers, and for an `exp` that overflows.",
        ),
        "GC402": RuleHelp(
            "The gradient is right, but to fewer digits than the layer's own dtype has: something inside computes in a "
            "narrower one.",
            "Keep every array inside in the layer's dtype.",
        ),
        "GC403": RuleHelp(
            "Right at moderate inputs, and wrong or not finite at extreme ones where the true value is finite and at "
            "hand.",
            "Write the named step so that it cannot overflow: subtract the maximum, use `log1p`, `expm1`, `logaddexp`.",
        ),
        "GC500": RuleHelp(
            "`gradcheck` itself failed while it checked this layer. It says nothing about the layer, and the others "
            "are still checked.",
            "Please report it, with the traceback that `GRADCHECK_DEBUG=1` shows.",
        ),
        "GC501": RuleHelp(
            "The module does not import: a syntax error, an import that fails, an error or a `sys.exit()` at its top "
            "level.",
            "Mend the named line, or install what it imports.",
        ),
        "GC502": RuleHelp(
            "The forward or the backward raised, with the inputs shown, or the forward returned nothing to "
            "differentiate.",
            "Mend the named line; where the inputs are to blame, say better ones with `--shape` or `--arg`.",
        ),
        "GC503": RuleHelp(
            "Nothing says the shapes of these arguments, and no small shapes that were tried make the forward run.",
            "Say them: in the docstring, by an annotation, or with `--shape w=D,M`.",
        ),
        "GC504": RuleHelp(
            "The layer ran past its limit.", "Look for a loop that does not end, or check smaller inputs."
        ),
        "GC505": RuleHelp(
            "The process that ran the layer died.", "Look at the last line it was on: often compiled code is to blame."
        ),
        INCONCLUSIVE: RuleHelp(
            "The witnesses cannot decide: the layer is neither right nor wrong as far as they can see.",
            "Read the reason: often other inputs (`--shape`, `--magnitude`, `--seed`) or float64 decide it.",
        ),
    }
)


def help_text(code: str) -> tuple[str, str]:
    """The rule's name, and its help as plain text. What a newer stage adds has at least its name."""
    help_ = HELP.get(code)
    name = RULES.get(code, code)
    return name, f"{help_.meaning} {help_.mend}" if help_ is not None else f"{name}."


def help_markdown(code: str) -> str:
    """The same with a heading, in Markdown."""
    help_ = HELP.get(code)
    name = RULES.get(code, "")
    heading = f"**{code} {name}**".replace(" **", "**")
    return heading if help_ is None else f"{heading}\n\n{help_.meaning}\n\nWhat to do: {help_.mend}\n"
