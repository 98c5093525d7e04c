"""`custom_jvp` rules in forward mode: linear in the tangent, J u element by element, and the adjoint of their own Jᵀ.

The judge sees such a rule transposed. What it does to a tangent can be wrong all the same: a constant that is added to
it is lost by transposition, and what is not linear in it cannot be transposed at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.by_design import BY_DESIGN
from gradcheck_cli.judge.derivatives.tangents import Known, Tangents, against_reference, floating_parts
from gradcheck_cli.judge.derivatives.words import raised_finding
from gradcheck_cli.judge.examination import NOTHING, Examination, outcome
from gradcheck_cli.judge.noise.tolerance import largest_epsilon, unmeasured_rounding
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.judge.words import index_text, number, pair
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.forward_mode import ForwardMode, forward_mode_of
from gradcheck_cli.layers.precision import DOUBLE_EPSILON, underflow
from gradcheck_cli.report.model import Finding, Status
from gradcheck_cli.witnesses.analytic import copies
from gradcheck_cli.witnesses.derivatives.forward_mode import Direction, as_arguments, draw_direction
from gradcheck_cli.witnesses.subject import Subject
from gradcheck_cli.witnesses.upstream import widened
from gradcheck_cli.witnesses.wider import case_in

FACTORS = (1.75, -0.625)
"""Of the two tangents whose combination is pushed forward: exact in every floating dtype, of both signs."""

LINEAR_SAFETY = 4.0
"""Times the usual relative rounding: three pushes, each with its own."""


def examine(subject: Subject, verdict: DrawVerdict, settings: Settings) -> Examination:
    """Examine the rule of a `custom_jvp` in forward mode; nothing for other layers."""
    rule = forward_mode_of(subject.bound)
    if rule is None or not subject.case.leaves:
        return NOTHING
    examining = _Examining(subject, verdict, settings, rule)
    try:
        return examining.all()
    except UserError as error:
        return Examination((raised_finding(error, subject.case.layer, "in forward mode"),))


@dataclass(frozen=True)
class _Examining:
    subject: Subject
    verdict: DrawVerdict
    settings: Settings
    rule: ForwardMode

    def all(self) -> Examination:
        """Everything; a rule that is found wrong in one way is not asked for the next."""
        case, layer = self.subject.case, self.subject.case.layer
        if self.verdict.status is Status.INCONCLUSIVE and self._relative() > unmeasured_rounding([]):
            return NOTHING  # a narrow dtype does not hold it, in either mode
        direction, other = draw_direction(case), draw_direction(case, 1)
        outputs, pushed = self._push(direction)
        found = self._outputs(outputs) or self._linear(direction, other, pushed)
        if found is not None:
            return outcome("forward mode", findings=(found,))
        checked: tuple[str, ...] = ("forward mode",)
        notes: tuple[str, ...] = ()
        why = self.rule.why_not_transposed(self.subject.result, self.subject.upstream.cotangents)
        if why:
            notes = (
                f"the jvp rule of `{layer.name}` cannot be transposed, so that `jax.grad` of it fails ({why}); it was "
                "judged in forward mode",
            )
        if self.verdict.status is Status.FAIL:
            return outcome(*checked, notes=notes)  # the same rule, transposed, is found wrong already
        if case.draw:
            return outcome(*checked, notes=notes)  # what follows compiles a program: once is enough
        known: Known | None = None
        if layer.expect not in BY_DESIGN:
            known = against_reference(
                self.subject, self.settings, direction, pushed, lambda case: self._push(direction, case)[1]
            )
            if known.finding is not None and self._is_wrong_in_float64(direction):
                return outcome(*checked, findings=(known.finding,), notes=(*notes, *known.notes))
            notes = (*notes, *known.notes)
        if not why:
            checked = (*checked, "⟨v, J u⟩ = ⟨Jᵀ v, u⟩")
            found = self._adjoint(direction, pushed, known)
        return outcome(*checked, findings=() if found is None else (found,), notes=notes)

    def _is_wrong_in_float64(self, direction: Direction) -> bool:
        """Whether J u is as wrong where the same rule computes in float64: else a narrow dtype does not hold it."""
        case = self.subject.case
        if largest_epsilon([leaf.value.dtype for leaf in case.leaves]) <= DOUBLE_EPSILON:
            return True
        wide, along = replace(self.subject, case=case_in(case, widened)), tuple(map(widened, direction))
        try:
            pushed = self._push(along, wide.case)[1]
            known = against_reference(wide, self.settings, along, pushed, lambda case: self._push(along, case)[1])
        except UserError:  # it takes nothing wider
            return True
        return known.finding is not None

    def _push(self, direction: Direction, near: Case | None = None) -> tuple[Tangents, Tangents]:
        """The floating output leaves and their tangents, in float64."""
        case = near or self.subject.case
        outputs, pushed = self.rule.push_forward(copies(case.arguments), as_arguments(case, direction))
        return floating_parts(outputs), floating_parts(pushed)

    def _outputs(self, outputs: Tangents) -> Finding | None:
        """GC307: the rule returns another output beside its tangent than the function itself."""
        layer = self.subject.case.layer
        for position, (of_rule, own) in enumerate(zip(outputs, floating_parts(self.subject.result.outputs))):
            size = np.abs(own)
            allowed = self._relative() * (size + float(np.max(size, initial=0.0, where=np.isfinite(size))))
            wrong = _outside(of_rule - own, allowed)
            if wrong is not None:
                one, two = pair(of_rule[wrong].item(), own[wrong].item())
                which = f" of output {position + 1}" if len(outputs) > 1 else ""
                where = f" at {index_text(wrong)}" if wrong else ""
                return self._finding(
                    "GC307",
                    f"the jvp rule of `{layer.name}` returns another output beside its tangent: {one}{where}{which}, "
                    f"where `{layer.name}` itself gives {two}",
                    "return the function's own output first: `return f(*primals), tangent_out`",
                )
        return None

    def _linear(self, direction: Direction, other: Direction, pushed: Tangents) -> Finding | None:
        """GC304: J(a u + b w) is not a J u + b J w."""
        first, second = FACTORS
        rule = f"the jvp rule of `{self.subject.case.layer.name}`"
        mend = "a tangent may only be multiplied by what does not depend on it, and added to other tangents"
        lost = underflow([leaf.value.dtype for leaf in self.subject.case.leaves])
        at_zero = self._push(tuple(np.zeros_like(part) for part in direction))[1]
        second_pushed = self._push(other)[1]
        mixed = tuple((first * u + second * w).astype(u.dtype) for u, w in zip(direction, other))
        mixed_pushed = self._push(mixed)[1]
        for zero, one, two, both in zip(at_zero, pushed, second_pushed, mixed_pushed):
            size = np.abs(first * one) + np.abs(second * two)
            typical = float(np.mean(size, where=np.isfinite(size))) if np.isfinite(size).any() else 0.0
            allowed = LINEAR_SAFETY * (self._relative() * (size + typical) + lost)
            wrong = _outside(zero, allowed)
            if wrong is not None:
                where = f" at {index_text(wrong)}" if wrong else ""
                message = f"{rule} is not zero for a tangent of zero: it gives {number(zero[wrong].item())}{where}"
                return self._finding("GC304", message, mend)
            wrong = _outside(both - first * one - second * two, allowed)
            if wrong is not None:
                where = f" at {index_text(wrong)}" if wrong else ""
                got, expected = pair(both[wrong].item(), (first * one[wrong] + second * two[wrong]).item())
                message = (
                    f"{rule} is not linear in the tangent: J({first}·u - {-second}·w) is {got}{where}, "
                    f"but {first}·J(u) - {-second}·J(w) is {expected}"
                )
                return self._finding("GC304", message, mend)
        return None

    def _adjoint(self, direction: Direction, pushed: Tangents, known: Known | None) -> Finding | None:
        """GC201: forward mode and its transpose are two different maps."""
        gradients = [leaf.yours for leaf in self.verdict.leaves]
        if any(gradient is None for gradient in gradients):
            return None
        scales = known.scale if known is not None and known.scale else tuple(np.abs(part) for part in pushed)
        forward = _paired(self.subject.upstream.flat, pushed)
        backward = _paired([part for part in gradients if part is not None], direction)
        sizes = sum(
            float(np.sum(np.abs(v) * np.fmax(np.abs(t), scale)))
            for v, t, scale in zip(self.subject.upstream.flat, pushed, scales)
        )
        sizes += sum(float(np.sum(np.abs(g) * np.abs(u))) for g, u in zip(gradients, direction) if g is not None)
        lost = underflow([leaf.value.dtype for leaf in self.subject.case.leaves])
        lost *= float(sum(np.sum(np.abs(part)) for part in (*self.subject.upstream.flat, *direction)))
        if not np.isfinite(sizes) or abs(forward - backward) <= LINEAR_SAFETY * (self._relative() * sizes + lost):
            return None
        one, two = pair(forward, backward)
        return self._finding(
            "GC201",
            f"the jvp rule of `{self.subject.case.layer.name}` and its transpose are two different maps: "
            f"⟨v, J u⟩ is {one}, ⟨Jᵀ v, u⟩ is {two}",
            "look at what the rule transposes by a rule of its own, or cuts with `stop_gradient`",
        )

    def _relative(self) -> float:
        traced = self.subject.traced
        narrowest = getattr(traced, "narrowest", None)
        dtypes = [leaf.value.dtype for leaf in self.subject.case.leaves]
        return unmeasured_rounding([*dtypes, narrowest] if narrowest is not None else dtypes)

    def _finding(self, code: str, message: str, mend: str) -> Finding:
        layer = self.subject.case.layer
        return Finding(code, message, str(layer.path), layer.line, mend=mend)


def _outside(error: NDArray[Any], allowed: NDArray[np.float64]) -> tuple[int, ...] | None:
    """The index of the worst element outside what is allowed; None where all are inside, or not finite."""
    excess = np.where(np.isfinite(error) & np.isfinite(allowed), np.abs(error) - allowed, -np.inf)
    if not excess.size or not np.any(excess > 0):
        return None
    return tuple(int(axis) for axis in np.unravel_index(int(np.argmax(excess)), excess.shape))


def _paired(left: Any, right: Any) -> float:
    """Re Σ a·b over all leaves."""
    return float(sum(np.real(np.sum(np.asarray(a) * np.asarray(b))) for a, b in zip(left, right)))
