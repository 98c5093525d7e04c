"""The statements that show a wrong value: against finite differences of the forward, or against a number."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.checking.shrink.literals import Unwritable
from gradcheck_cli.checking.shrink.transcript import Transcript
from gradcheck_cli.layers.case import Leaf
from gradcheck_cli.layers.leaves import leaf_name

STEP = "1e-5"
RTOL = 1e-4
"""How near a central difference with that step must be to a right gradient, in the scripts."""
ATOL = 1e-8
"""`np.isclose`'s own."""


@dataclass(frozen=True)
class Wrong:
    """One element that is wrong: where it is, what came back, and what is right.

    Attributes:
        tolerance: how far a right one may be off, by rounding; 0 where that is not known.
    """

    leaf: Leaf
    index: tuple[int, ...]
    yours: complex
    reference: complex
    witness: str
    tolerance: float = 0.0

    @property
    def relative(self) -> float:
        """|yours − reference| beside the larger of the two; infinite where yours is not finite."""
        size = max(abs(self.yours), abs(self.reference))
        error = abs(self.yours - self.reference)
        return float(error / size) if math.isfinite(size) and size > 0 else (0.0 if error == 0 else math.inf)


def element(transcript: Transcript, leaf: Leaf, index: tuple[int, ...]) -> str:
    """`dw[0, 1]`, `layer.grads['W'][0]`.

    Raises:
        Unwritable: where nothing came back.
    """
    gradient = transcript.gradients.get(leaf.argument)
    if gradient is None:
        raise Unwritable(f"no gradient came back for `{leaf.argument}`")
    text = leaf_name(gradient, leaf.path)
    return text + (f"[{', '.join(map(str, index))}]" if index else "")


def against_differences(transcript: Transcript, wrong: Wrong, seeding: Sequence[str] = ()) -> list[str]:
    """`def f(w)`, the central difference along one element, the assertion.

    Raises:
        Unwritable: where the forward cannot be written as a function of this argument alone.
    """
    leaf = wrong.leaf
    if leaf.path or np.iscomplexobj(leaf.value):
        raise Unwritable("not an array of real numbers")
    yours = element(transcript, leaf, wrong.index)
    name = transcript.variables[leaf.argument]
    library = "jnp" if transcript.layer.uses_jax else "np"
    body = "; ".join([*seeding, _function(transcript, leaf.argument)])
    f, h = transcript.free("f", "loss", "value"), transcript.free("h", "step", "delta")
    numeric = transcript.free("numeric")
    lines = [f"def {f}({name}): {body}"]
    step = STEP
    if leaf.value.size > 1:
        place = ", ".join(map(str, wrong.index))
        shape = f"{library}.zeros({name}.shape)"
        if transcript.layer.uses_jax:
            lines.append(f"{h} = {shape}.at[{place}].set({STEP})")
        else:
            lines.append(f"{h} = {shape}; {h}[{place}] = {STEP}")
        step = h
    difference = f"({f}({name} + {step}) - {f}({name} - {step})) / 2e-5"
    lines.append(f"yours, {numeric} = {yours}, {difference}")
    message = _message(yours, f"not {{{numeric}}}")
    return [*lines, f"assert np.isclose(yours, {numeric}, rtol={_short(RTOL)}), {message}"]


def against_number(transcript: Transcript, wrong: Wrong) -> list[str]:
    """The assertion with the right number written out."""
    return beside(transcript, element(transcript, wrong.leaf, wrong.index), wrong)


def beside(transcript: Transcript, yours: str, wrong: Wrong) -> list[str]:
    """The same for any number of which `yours` is the text.

    Raises:
        Unwritable: where the right value is not finite.
    """
    reference = wrong.reference if np.iscomplexobj(wrong.leaf.value) else wrong.reference.real
    if not math.isfinite(abs(reference)):
        raise Unwritable("the right value is not finite")
    rtol, atol = tolerances(wrong)
    right = transcript.free("right")
    message = _message(yours, f"but {wrong.witness} gives {{{right}}}")
    return [
        f"yours, {right} = {yours}, {_rounded(reference, rtol) if abs(reference) > atol / 1000 else 0.0!r}",
        f"assert np.isclose(yours, {right}, rtol={_short(rtol)}, atol={_short(atol)}), {message}",
    ]


def tolerances(wrong: Wrong) -> tuple[float, float]:
    """Powers of ten well below the error that is shown, and, where they may be, well above rounding.

    What rounding does to a right gradient is in the second one, up to a twentieth of the error.
    """
    coarse = wrong.leaf.value.dtype.itemsize // (2 if wrong.leaf.value.dtype.kind == "c" else 1) < 8
    most = 1e-2 if coarse else 1e-4
    size = abs(wrong.reference)
    error = abs(wrong.yours - wrong.reference)
    if not math.isfinite(error):
        return most, ATOL
    if size == 0:
        return most, _power(min(error / 10, ATOL if not coarse else 1e-3))
    least = _power(min(error / 100, ATOL))
    if wrong.tolerance > least / 10:
        least = max(least, min(_power(100 * wrong.tolerance), _power(error / 20)))
    return min(most, _power(error / size / 10)), least


def _rounded(value: complex, rtol: float) -> complex:
    """To three digits more than are compared."""
    digits = min(17, 3 - round(math.log10(rtol)))
    if np.iscomplexobj(value):
        return complex(float(f"{value.real:.{digits}g}"), float(f"{value.imag:.{digits}g}"))
    return float(f"{value.real:.{digits}g}")


def _short(value: float) -> str:
    """`1e-4`."""
    return f"1e{round(math.log10(value))}"


def _power(value: float) -> float:
    return float(10.0 ** math.floor(math.log10(max(value, 1e-300))))


def _message(yours: str, right: str) -> str:
    shown = yours.replace("{", "{{").replace("}", "}}").replace("\\", "\\\\").replace('"', "'")
    return f'f"{shown} is {{yours}}, {right}"'


def _function(transcript: Transcript, argument: str) -> str:
    """The body of `f`: the outputs, weighed by the upstream gradients, as a function of one argument."""
    if transcript.taken is None:
        statements = [*_prepared(transcript, argument), transcript.forward_call]
        texts = list(transcript.outputs)
    else:
        call = transcript.forward_call
        statements = _prepared(transcript, argument)
        if not statements and transcript.constructor and _uses(transcript.constructor, transcript, argument):
            call = re.sub(r"\blayer\b", lambda _: transcript.constructor, call, count=1)
        if len(transcript.taken) == 1:
            texts = [call + transcript.taken[0]]
        else:
            outputs = transcript.free("outputs", "results")
            statements.append(f"{outputs} = {call}")
            texts = [outputs + taken for taken in transcript.taken]
    weights = [name for name, _ in transcript.upstream]
    if not weights and transcript.layer.unit_upstream:
        parts = [text if _is_scalar(transcript) else f"np.sum({text})" for text in texts]
    elif len(weights) == len(texts):
        parts = [f"np.sum({text} * {weight})" for text, weight in zip(texts, weights)]
    else:
        raise Unwritable("an output has no upstream gradient of its own")
    if transcript.layer.uses_jax:
        parts = [part.replace("np.sum", "jnp.sum") for part in parts]
    return "; ".join([*statements, f"return {' + '.join(parts)}"])


def _prepared(transcript: Transcript, argument: str) -> list[str]:
    """What must be done to the object first, where the argument is one of its own parameters or it must be anew."""
    if argument in transcript.own:
        place = transcript.own[argument] + ("" if transcript.layer.uses_jax else "[...]")
        return [f"{place} = {transcript.variables[argument]}"]
    again = transcript.own or transcript.taken is None
    if again and transcript.constructor and _uses(transcript.constructor, transcript, argument):
        return list(transcript.setup)
    return []


def _uses(text: str, transcript: Transcript, argument: str) -> bool:
    return re.search(rf"\b{re.escape(transcript.variables[argument])}\b", text) is not None


def _is_scalar(transcript: Transcript) -> bool:
    return transcript.layer.convention == "loss"


def isclose(one: Any, other: Any, rtol: float, atol: float) -> bool:
    """`np.isclose` of two numbers, for whatever can stand in a script's variables."""
    try:
        return bool(np.all(np.isclose(one, other, rtol=rtol, atol=atol)))
    except (TypeError, ValueError):
        return False
