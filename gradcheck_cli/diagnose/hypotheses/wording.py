"""What a hypothesis says: a sentence in the words of the person who wrote the layer, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck_cli.diagnose.hypotheses.factors import UNNAMED, Factor
from gradcheck_cli.diagnose.hypotheses.failing import Gradient
from gradcheck_cli.diagnose.hypotheses.rearranging import along
from gradcheck_cli.judge.words import listing

FACTOR, SIGN, REDUCTION = "GC202", "GC203", "GC206"


def code_of_multiple(factor: Factor, gradient: Gradient) -> str:
    """A sign, a mean for a sum over a dimension that the argument does not have, or just a factor."""
    if factor.text == "-1":
        return SIGN
    return REDUCTION if is_over_others(factor, gradient) else FACTOR


def is_over_others(factor: Factor, gradient: Gradient) -> bool:
    """Whether c is the size of dimensions that were summed away, or its inverse."""
    own = (*gradient.axes, *(f"{gradient.name}.shape[{axis}]" for axis in range(gradient.yours.ndim)))
    return bool(factor.sizes) and factor.value > 0 and not set(factor.sizes) & set(own)


def multiple_claim(factor: Factor, gradients: Sequence[Gradient], *, are_all: bool) -> str:
    """`your `db` is 1/N times the gradient (N = 4): a mean over N where the sum belongs`.

    Args:
        are_all: these are all the gradients of the layer.
    """
    names, several = listing([gradient.said for gradient in gradients]), len(gradients) > 1
    if factor.text == "-1":
        return f"your {names} {'have' if several else 'has'} the wrong sign"
    verb, what = ("are", "their gradients") if several else ("is", "the gradient")
    said = f"your {names} {verb} {factor.text} times {what}{factor.note}"
    if all(is_over_others(factor, gradient) for gradient in gradients):
        over = along(factor.sizes, range(len(factor.sizes)))
        is_mean = factor.text.startswith("1/")
        right, wrong = ("sum", "mean") if is_mean else ("mean", "sum")
        return f"{said}: a {wrong} over {over} where the {right} belongs"
    if several and are_all:
        return f"{said}: a factor that all have in common"
    return said


def multiple_mend(factor: Factor) -> str | None:
    """How to get rid of c."""
    if factor.text == "-1":
        return "turn its sign"
    if factor.rank == UNNAMED or not factor.inverse:
        return None
    return f"multiply it by {factor.inverse}" if "/" in factor.text else f"divide it by {factor.text}"


def claim(says: str, why: str, factor: Factor, gradients: Sequence[Gradient]) -> str:
    """`your `dw` is 1/2 times the gradient transposed`."""
    names, several = listing([gradient.said for gradient in gradients]), len(gradients) > 1
    times = "" if factor.is_one else "minus " if factor.text == "-1" else f"{factor.text} times "
    said = f"your {names} {'are each' if several else 'is'} {times}{says}{factor.note}"
    return f"{said}: {why}" if why else said


def swapped_claim(circle: Sequence[Gradient], others: Sequence[str]) -> str:
    """What stands where: gradients, and the argument that each of them belongs to."""
    if len(circle) == 2:
        return f"your {listing([gradient.said for gradient in circle])} are in each other's place"
    parts = [f"your `{gradient.said}` is the gradient of `{other}`" for gradient, other in zip(circle, others)]
    return " and ".join(parts)


def confined_claim(where: str, factor: Factor | None, gradient: Gradient) -> str:
    """`your `dw` is wrong only in the last place along D, where it is zero`."""
    said = f"your `{gradient.said}` is wrong only in {where}"
    if factor is None or factor.rank == UNNAMED:
        return said
    if factor.text == "0":
        return f"{said}, where it is zero"
    if factor.text == "-1":
        return f"{said}, where it has the wrong sign"
    return f"{said}, where it is {factor.text} times the gradient{factor.note}"
