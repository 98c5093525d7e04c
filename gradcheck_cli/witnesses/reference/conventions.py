"""Autodiff under other conventions at kinks: which slope it takes where a maximum ties or a magnitude is zero.

Where several kinks meet inside a layer, the gradient that the chain rule gives under one consistent convention need not
lie between the one-sided slopes of the whole, nor be a subgradient of it at all: at x = 0, relu(x) - relu(-x) has slope
1, and ReLU'(0) = 0 gives 0 (Kakade and Lee, "Provably correct automatic subdifferentiation for qualified programs",
2018). It is what everyone's backward computes, and no mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.reference.compiling import compile_program
from gradcheck_cli.witnesses.reference.rewritten import Value, evaluate, has_any
from gradcheck_cli.witnesses.reference.shared_steps import shared
from gradcheck_cli.witnesses.upstream import widened

SETTINGS: tuple[tuple[str, tuple[tuple[float, str], ...]], ...] = (
    ("max", ((0.0, "max(x, c) has slope 0"), (1.0, "max(x, c) has slope 1"), (0.5, "max(x, c) has slope 1/2"))),
    ("min", ((0.0, "min(x, c) has slope 0"), (1.0, "min(x, c) has slope 1"), (0.5, "min(x, c) has slope 1/2"))),
    ("abs", ((0.0, "|x| has slope 0"), (1.0, "|x| has slope 1"), (-1.0, "|x| has slope -1"))),
    ("tie", ((0.0, "the first of tied entries counts"), (1.0, "the last of tied entries counts"),
             (0.5, "tied entries share evenly"))),
    ("compare", ((0.0, "comparisons are as written"), (1.0, "equal values fall on the other side"))),
)  # fmt: skip
"""What a convention decides, and its choices, the usual ones first."""

_COMPARISONS = ("gt", "ge", "lt", "le")
_KINKS = ("max", "min", "abs", "clamp", "reduce_max", "reduce_min", *_COMPARISONS)


@dataclass(frozen=True)
class Conventional:
    """Gradients under one convention, and its name: the choices that matter at this point."""

    name: str
    gradients: tuple[NDArray[Any], ...]


Conventions = Callable[[], Iterator[Conventional]]


def conventions(trace: Trace, case: Case, upstream: Upstream, *, device: str = "cpu") -> Conventions:
    """Autodiff of the trace under each combination of choices that makes a difference at the case's leaves.

    Nothing where no kink inside the forward is met exactly, or its trace cannot be evaluated so.
    """

    def candidates() -> Iterator[Conventional]:
        if not has_any(trace.jaxpr, _KINKS) or any(np.iscomplexobj(leaf.value) for leaf in case.leaves):
            return
        closed = shared(trace.jaxpr)
        leaves = tuple(np.asarray(widened(leaf.value)) for leaf in case.leaves)
        cotangents = [np.asarray(g, aval.dtype) for g, aval in zip(upstream.flat, closed.out_avals)]
        constants = tuple(np.asarray(constant) for constant in closed.consts)
        usual = np.array([choices[0][0] for _, choices in SETTINGS])
        example = (constants, leaves, cotangents, usual)
        try:
            program = compile_program(_function(closed), example, device)
        except Exception:  # a step that cannot be evaluated apart: no second opinion then
            return
        _, met = program(*example)
        open_choices = [choices if met[at] > 0 else choices[:1] for at, (_, choices) in enumerate(SETTINGS)]
        if not np.any(np.asarray(met) > 0):
            return
        for chosen in product(*open_choices):
            gradients, _ = program(constants, leaves, cotangents, np.array([value for value, _ in chosen]))
            named = [words for at, (_, words) in enumerate(chosen) if met[at] > 0 and (at < 4 or chosen[at][0])]
            yield Conventional(" and ".join(named), tuple(widened(gradient) for gradient in gradients))

    return candidates


def _function(closed: Any) -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    def gradients(constants: Any, leaves: Any, cotangents: Any, choices: Any) -> Any:
        def forward(*inputs: Any) -> Any:
            rules = _Rules(choices)
            outputs = evaluate(closed, constants, inputs, rules.by_name())
            met = [jnp.asarray(sum(rules.met[name], start=0)) for name, _ in SETTINGS]
            return outputs, jnp.stack(met)

        _, vjp, met = jax.vjp(forward, *leaves, has_aux=True)
        return vjp(list(cotangents)), met

    return gradients


class _Rules:
    """The rules of one evaluation; `met` gathers how often each kind of kink was met exactly."""

    def __init__(self, choices: Any) -> None:
        self.choice = {name: choices[at] for at, (name, _) in enumerate(SETTINGS)}
        self.met: dict[str, list[Any]] = {name: [] for name, _ in SETTINGS}

    def by_name(self) -> dict[str, Any]:
        """By primitive."""
        return {
            "max": lambda _, given: self._extreme(given, "max"),
            "min": lambda _, given: self._extreme(given, "min"),
            "clamp": self._clamp,
            "abs": self._abs,
            "reduce_max": self._reduce,
            "reduce_min": self._reduce,
            **dict.fromkeys(_COMPARISONS, self._compare),
        }

    def _meets(self, kind: str, where: Any) -> None:
        self.met[kind].append(where.sum())

    def _extreme(self, given: Sequence[Value], kind: str) -> list[Value]:
        import jax.numpy as jnp

        first, second = (jnp.asarray(value.array) for value in given)
        ties = first == second
        both = given[0].varying and given[1].varying
        self._meets("tie" if both else kind, ties)
        share = 1 - self.choice["tie"] if both else self.choice[kind]
        # The share is the first operand's: where it is the constant, what the other one leaves.
        share = share if both or given[0].varying else 1 - share
        takes_first = first > second if kind == "max" else first < second
        tied = share * first + (1 - share) * second
        return [Value(jnp.where(ties, tied, jnp.where(takes_first, first, second)), varying=True)]

    def _clamp(self, _: Any, given: Sequence[Value]) -> list[Value] | None:
        low, value, high = given
        raised = self._extreme([value, low], "max")
        return self._extreme([raised[0], high], "min")

    def _abs(self, _: Any, given: Sequence[Value]) -> list[Value] | None:
        import jax.numpy as jnp

        value = given[0].array
        if jnp.iscomplexobj(value):
            return None
        self._meets("abs", value == 0)
        return [Value(jnp.where(value == 0, self.choice["abs"] * value, jnp.abs(value)), varying=True)]

    def _reduce(self, equation: Any, given: Sequence[Value]) -> list[Value]:
        import jax
        import jax.numpy as jnp

        value, axes = given[0].array, tuple(equation.params["axes"])
        extreme = jnp.max if equation.primitive.name == "reduce_max" else jnp.min
        rest = tuple(axis for axis in range(value.ndim) if axis not in axes)
        flat = jnp.transpose(value, (*rest, *axes)).reshape(*(value.shape[axis] for axis in rest), -1)
        best = flat == jax.lax.stop_gradient(extreme(flat, axis=-1, keepdims=True))
        self._meets("tie", jnp.sum(best, axis=-1) > 1)
        order = jnp.cumsum(best, axis=-1)
        count = order[..., -1:]
        tie = self.choice["tie"]
        weights = jnp.where(tie == 0, order == 1, jnp.where(tie == 1, order == count, 1 / count)) * best
        return [Value(jnp.sum(jnp.where(weights > 0, flat, 0.0) * weights, axis=-1), varying=True)]

    def _compare(self, equation: Any, given: Sequence[Value]) -> list[Value] | None:
        import jax.numpy as jnp

        first, second = given[0].array, given[1].array
        ties = first == second
        self._meets("compare", ties)
        found = getattr(jnp, {"gt": "greater", "ge": "greater_equal", "lt": "less", "le": "less_equal"}[
            equation.primitive.name
        ])(first, second)  # fmt: skip
        return [Value(found ^ (ties & (self.choice["compare"] == 1)), varying=True)]
