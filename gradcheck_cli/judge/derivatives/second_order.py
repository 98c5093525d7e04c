"""`--order 2`: the backward's own derivative, judged as the gradient of a layer whose forward is that backward.

φ(x, g) = Re Σ u · backward(g, x) for a random u; its gradients by x and by g go through JAX's differentiation of the
user's forward and backward, as `jax.grad` of a `jax.grad` does. They are held against the same of `jax.vjp` of the
trace, and against finite differences of the user's backward, by the judge that judges gradients of first order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.by_design import BY_DESIGN
from gradcheck_cli.judge.derivatives.words import raised_finding
from gradcheck_cli.judge.examination import NOTHING, Examination, outcome
from gradcheck_cli.judge.judge import judge_draw
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.judge.words import gradient_name
from gradcheck_cli.layers.case import Case, Leaf
from gradcheck_cli.layers.layer import Argument, BackwardResult, Role
from gradcheck_cli.layers.leaves import is_floating, leaf_name, rebuild
from gradcheck_cli.layers.users_code import raised
from gradcheck_cli.report.model import Finding, Status
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.composed import ComposedBackward, Values
from gradcheck_cli.witnesses.derivatives.second_order import SecondOrder, SecondOrderReference
from gradcheck_cli.witnesses.differences.differencer import Differencer
from gradcheck_cli.witnesses.gradients import Analytic, Autodiff, Upstream
from gradcheck_cli.witnesses.subject import Subject
from gradcheck_cli.witnesses.upstream import draw_upstream, widened

NAME = "the backward's own derivative"
MEND = (
    "look for `stop_gradient`, NumPy or `float(...)` in the backward, for residuals that are cut off from the inputs, "
    "and for a helper with a wrong rule of its own"
)
PARTS = 1e-3
"""A gradient's share of a wrong second derivative is named above this part of the error."""


def examine(subject: Subject, verdict: DrawVerdict, settings: Settings) -> Examination:
    """Examine the backward's derivative where `settings.order` is 2; nothing where the gradient itself is wrong."""
    case, layer = subject.case, subject.case.layer
    if settings.order < 2 or not case.leaves:
        return NOTHING
    if not layer.uses_jax:
        return Examination(notes=("`--order 2` is for layers written for JAX: NumPy's steps have no derivative",))
    if verdict.status is Status.FAIL or layer.expect in BY_DESIGN:
        return NOTHING
    second = _Second(subject, settings)
    try:
        return second.examination()
    except UserError as error:
        mend = _mend(error)
        return outcome(NAME, findings=(raised_finding(error, layer, "under `jax.grad` of its gradient", mend),))
    except Exception as error:  # JAX's own, outside the user's lines: a step without a second derivative
        message = f"the backward of `{layer.name}` cannot be differentiated by JAX: it {raised(error)}"
        found = Finding("GC502", message, str(layer.path), layer.line)
        return outcome(NAME, findings=(found,))


@dataclass(frozen=True)
class _Second:
    subject: Subject
    settings: Settings

    def examination(self) -> Examination:
        """The verdict on the second derivative, in words of first and second order.

        Raises whatever the user's backward raises when JAX differentiates it.
        """
        subject = self.subject
        case = self._case()
        backward = ComposedBackward(subject.bound, subject.case, subject.upstream)
        yours = SecondOrder(backward, subject.device)
        leaves, cotangents = backward.values()
        first = yours.first(leaves, cotangents)
        drawn = draw_upstream(replace(subject.case.layer, unit_upstream=False), case, tuple(first))
        weights = drawn.cotangents
        own = yours.gradients(leaves, cotangents, weights)
        reference = self._reference(drawn)
        verdict = judge_draw(
            case,
            Analytic(tuple(first), _as_result(case, own)),
            drawn,
            reference if isinstance(reference, Untraceable) else reference.autodiff(case.leaves, case.seed),
            self._differencer(yours, case, drawn),
            self.settings,
            **({} if isinstance(reference, Untraceable) else self._moved(case, yours, reference, weights)),
        )
        findings = tuple(self._named(case, finding, yours, reference, drawn) for finding in verdict.all_findings)
        notes = tuple(f"second order: {note[0].lower()}{note[1:]}" for note in verdict.notes)
        if verdict.status is Status.INCONCLUSIVE:
            why = next((leaf.why for leaf in verdict.leaves if leaf.why), "no witness can tell")
            notes = (*notes, f"second order: {NAME} could not be judged: {why}")
        return outcome(NAME, findings=findings, notes=notes)

    def _case(self) -> Case:
        """A case whose leaves are the layer's own and its upstream gradient's."""
        case, upstream = self.subject.case, self.subject.upstream
        names = [gradient_name(case.layer, leaf) for leaf in case.leaves]
        whole = ", ".join(names) if len(names) <= 3 else "backward"
        arguments = [
            Argument(name, Role.INPUT, gradient_name=f"d({whole})/d{name}")
            for name in dict.fromkeys(leaf.argument for leaf in case.leaves)
        ]
        values = {argument.name: case.arguments[argument.name] for argument in arguments}
        leaves = list(case.leaves)
        given = case.layer.upstream_names
        for position, cotangent in enumerate(upstream.cotangents):
            usual = "dout" if len(upstream.cotangents) == 1 else f"dout{position + 1}"
            name = given[position] if position < len(given) else usual
            name = name if name not in values else f"{name}'"
            inside: list[Leaf] = []

            def keep(path: Any, leaf: Any, name: str = name, inside: list[Leaf] = inside) -> Any:
                if is_floating(leaf):
                    inside.append(Leaf(leaf_name(name, path), name, path, np.asarray(leaf)))
                return leaf

            values[name] = rebuild(cotangent, keep)
            leaves.extend(inside)
            arguments.append(Argument(name, Role.INPUT, gradient_name=f"d({whole})/d{name}"))
        layer = replace(case.layer, arguments=tuple(arguments), expect="", unit_upstream=False)
        differentiable = tuple(dict.fromkeys(leaf.argument for leaf in leaves))
        return replace(
            case, layer=layer, arguments=values, leaves=tuple(leaves), differentiable=differentiable, notes=()
        )

    def _split(self, values: Sequence[Any]) -> tuple[Values, Values]:
        """Of the layer's own leaves, and of the upstream gradient."""
        count = len(self.subject.case.leaves)
        return tuple(values[:count]), tuple(values[count:])

    def _reference(self, drawn: Upstream) -> _Reference | Untraceable:
        subject = self.subject
        if not isinstance(subject.traced, Trace):
            return subject.traced
        reference = _Reference(SecondOrderReference(subject.traced, subject.device), drawn.flat, self._split)
        try:
            reference.at([leaf.value for leaf in self._case().leaves], drawn.flat, 0)
        except Exception as error:  # JAX's own: a loop of unknown length, a rule without a derivative
            return Untraceable(f"JAX cannot differentiate it twice: it {raised(error)}")
        return reference

    def _differencer(self, yours: SecondOrder, case: Case, drawn: Upstream) -> Differencer | None:
        """Finite differences of the user's backward, in float64."""
        import jax.numpy as jnp

        def evaluate(values: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
            leaves, cotangents = self._split([jnp.asarray(value) for value in values])
            return tuple(np.asarray(gradient) for gradient in yours.first(leaves, cotangents))

        narrowest = self.subject.traced.narrowest if isinstance(self.subject.traced, Trace) else None
        try:
            return Differencer(evaluate, case, drawn, max_evals=self.settings.max_evals, narrowest=narrowest)
        except Exception:  # a backward that runs in its own dtype only
            return None

    def _moved(self, case: Case, yours: SecondOrder, reference: _Reference, weights: Values) -> dict[str, Any]:
        """The reference, and yours with it, at leaves that are off by a rounding: see `judge_draw`."""
        import jax.numpy as jnp

        def moved(size: float, seed: int) -> list[NDArray[Any]]:
            rng = np.random.default_rng(seed)
            return [
                widened(leaf.value) * (1 + size * rng.choice((-1.0, 1.0), leaf.value.shape)) for leaf in case.leaves
            ]

        def perturbed(size: float, seed: int) -> tuple[NDArray[Any], ...]:
            return reference.at(moved(size, seed), reference.weights, seed).gradients

        def replay(size: float, seed: int) -> tuple[BackwardResult, tuple[NDArray[Any], ...]]:
            near = [value.astype(leaf.value.dtype) for value, leaf in zip(moved(size, seed), case.leaves)]
            leaves, cotangents = self._split([jnp.asarray(value) for value in near])
            again = _as_result(case, yours.gradients(leaves, cotangents, weights))
            return again, reference.at(near, reference.weights, seed).gradients

        assert isinstance(self.subject.traced, Trace)
        return {"narrowest": self.subject.traced.narrowest, "perturbed": perturbed, "replay": replay}

    def _named(
        self, case: Case, finding: Finding, yours: SecondOrder, reference: _Reference | Untraceable, drawn: Upstream
    ) -> Finding:
        """The finding in words of second order; which of several gradients it is the derivative of."""
        message = f"second derivative: {finding.message}"
        names = self._of_which(case, finding, yours, reference, drawn)
        if names:
            message += f"; it is the derivative of {' and '.join(f'`{name}`' for name in names)} that is wrong"
        return replace(finding, message=message, mend=finding.mend or MEND)

    def _of_which(
        self, case: Case, finding: Finding, yours: SecondOrder, reference: _Reference | Untraceable, drawn: Upstream
    ) -> list[str]:
        own = self.subject.case
        at = next((k for k, leaf in enumerate(case.leaves) if leaf.name == finding.argument), None)
        if len(own.leaves) < 2 or at is None or finding.index is None or isinstance(reference, Untraceable):
            return []
        backward = ComposedBackward(self.subject.bound, own, self.subject.upstream)
        leaves, cotangents = backward.values()
        errors = []
        for position in range(len(own.leaves)):
            weights = [w if k == position else w * 0 for k, w in enumerate(drawn.cotangents)]
            mine = yours.gradients(leaves, cotangents, weights)[at]
            flat = [w if k == position else w * 0 for k, w in enumerate(drawn.flat)]
            theirs = reference.at([leaf.value for leaf in case.leaves], flat, 0).gradients[at]
            errors.append(float(np.abs(widened(mine)[finding.index] - theirs[finding.index])))
        worst = max(errors)
        return [gradient_name(own.layer, leaf) for leaf, error in zip(own.leaves, errors) if error > PARTS * worst]


@dataclass(frozen=True)
class _Reference:
    """The derivative of `jax.vjp` of the trace, for leaves and upstream gradients in one sequence."""

    program: SecondOrderReference
    weights: tuple[NDArray[Any], ...]
    split: Callable[[Sequence[Any]], tuple[Values, Values]]

    def at(self, values: Sequence[NDArray[Any]], weights: Sequence[NDArray[Any]], seed: int) -> Autodiff:
        """Gradients and scale."""
        leaves, cotangents = self.split(values)
        return self.program.gradients_and_scale(leaves, cotangents, weights, seed)

    def autodiff(self, leaves: Sequence[Leaf], seed: int) -> Autodiff:
        """At the case itself."""
        return self.at([leaf.value for leaf in leaves], self.weights, seed)


def _as_result(case: Case, gradients: Sequence[Any]) -> BackwardResult:
    """One gradient for each leaf, in the structure of the case's arguments."""
    places = {(leaf.argument, leaf.path): np.asarray(value) for leaf, value in zip(case.leaves, gradients)}

    def put(argument: str) -> Callable[[tuple[Any, ...], Any], Any]:
        return lambda path, _: places.get((argument, path))

    return BackwardResult({name: rebuild(case.arguments[name], put(name)) for name in case.differentiable})


def _mend(error: UserError) -> str | None:
    cause = type(error.__cause__).__name__
    if cause == "TracerArrayConversionError":
        return "use `jax.numpy` in place of NumPy in the forward and the backward"
    if "callback" in error.message.lower():
        return "give the callback a derivative of its own, or write it in `jax.numpy`"
    return error.mend
