"""Hand-made cases: a layer of plain functions, autodiff by a full Jacobian, independent finite differences."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gradcheck_cli.judge.evidence.differencer import Place
from gradcheck_cli.judge.judge import judge_draw
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.layers.case import Case, Leaf
from gradcheck_cli.layers.layer import Argument, BackwardResult, Convention, Layer, Role
from gradcheck_cli.layers.leaves import is_floating, leaf_name, walk
from gradcheck_cli.tracing.trace import Untraceable
from gradcheck_cli.witnesses.gradients import Analytic, Autodiff, Difference, Directional, Upstream

Arrays = tuple[np.ndarray, ...]


def a_layer(names: Sequence[str], expect: str = "", gradient_names: Mapping[str, str] | None = None) -> Layer:
    given = gradient_names or {}
    arguments = tuple(Argument(name, Role.INPUT, gradient_name=given.get(name, "")) for name in names)
    return Layer(
        name="affine",
        convention=Convention.FUNCTION_PAIR,
        path=Path("layers.py"),
        line=7,
        forward_line=1,
        arguments=arguments,
        bind=lambda module: None,  # type: ignore[arg-type, return-value]
        upstream_names=("dout",),
        expect=expect,
    )


def a_case(
    arguments: Mapping[str, Any],
    dimensions: Mapping[str, tuple[str, ...]] | None = None,
    *,
    draw: int = 0,
    seed: int = 0,
    layer: Layer | None = None,
) -> Case:
    names = dimensions or {}
    leaves, sizes = [], {}
    for argument, value in arguments.items():
        for path, array in walk(value):
            if is_floating(array):
                name = leaf_name(argument, path)
                leaves.append(Leaf(name, argument, path, np.asarray(array), names.get(name, ())))
                sizes.update({axis: size for axis, size in zip(names.get(name, ()), np.shape(array)) if axis})
    differentiable = tuple(dict.fromkeys(leaf.argument for leaf in leaves))
    return Case(layer or a_layer(tuple(arguments)), draw, seed, arguments, tuple(leaves), differentiable, sizes)


def answer(case: Case, gradients: Mapping[str, Any], **more: Any) -> BackwardResult:
    return BackwardResult(dict(gradients), **more)


@dataclass
class Slopes:
    """Finite differences of a function of the leaves: extrapolated central differences, each bar from two steps."""

    function: Callable[..., np.ndarray]
    leaves: Arrays
    upstream: np.ndarray
    noise: float = 3e-16
    limit: int = 10**9
    evaluations: int = 0
    asked: list[Place] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(leaf.size for leaf in self.leaves)

    def value(self, leaves: Arrays) -> float:
        self.evaluations += 1
        return float(np.sum(self.upstream * np.asarray(self.function(*leaves), np.float64)))

    def slope(self, direction: Arrays, one_sided: bool) -> Difference:
        length = max(1e-30, float(np.sqrt(sum(np.sum(vector**2) for vector in direction))))
        step = 1e-3 / length

        def at(offset: float) -> float:
            return self.value(tuple(leaf + offset * vector for leaf, vector in zip(self.leaves, direction)))

        def central(h: float) -> float:
            return (at(h) - at(-h)) / (2 * h)

        base = np.abs(self.upstream * np.asarray(self.function(*self.leaves), np.float64))
        rounding = 20 * self.noise * (float(np.sqrt(np.sum(base**2))) + 1e-300)
        coarse, fine = central(step), central(step / 2)
        best = (4 * fine - coarse) / 3
        right, left = (at(step / 64) - at(0.0)) / (step / 64), (at(0.0) - at(-step / 64)) / (step / 64)
        # The even part, where it does not shrink with the step, is a kink within the step.
        even = abs(right - left)
        smooth = even < 0.2 * abs((at(step) - 2 * at(0.0) + at(-step)) / step) + 64 * rounding / step
        error = 2 * abs(fine - coarse) + rounding / step + (0.0 if smooth else 0.6 * even)
        if not one_sided:
            return Difference(best, error)

        def side(h: float) -> tuple[float, float]:
            whole, half = (at(h) - at(0.0)) / h, (at(h / 2) - at(0.0)) / (h / 2)
            return 2 * half - whole, abs(half - whole) + 64 * rounding / abs(h)

        (right, right_error), (left, left_error) = side(step / 16), side(-step / 16)
        return Difference(best, error, right, left, max(right_error, left_error))

    def together(self, places: Sequence[Place]) -> Difference:
        direction = tuple(np.zeros(array.shape) for array in self.leaves)
        for leaf, index in places:
            direction[leaf][index] = 1.0
        return self.slope(direction, True)

    def nearby(self, place: Place) -> Difference | None:
        return None

    def directional(self, count: int) -> tuple[Directional, ...]:
        rng = np.random.default_rng(5)
        found = []
        for _ in range(count):
            direction = tuple(rng.normal(size=leaf.shape) for leaf in self.leaves)
            found.append(Directional(direction, self.slope(direction, False)))
        return tuple(found)

    def elements(self, wanted: Collection[Place], *, one_sided: bool = False) -> dict[Place, Difference]:
        found = {}
        for leaf, index in wanted:
            if self.evaluations >= self.limit:
                break
            direction = tuple(np.zeros(array.shape) for array in self.leaves)
            direction[leaf][index] = 1.0
            found[leaf, index] = self.slope(direction, one_sided)
            self.asked.append((leaf, index))
        return found

    def all_elements(self) -> dict[Place, Difference]:
        return self.elements([(at, index) for at, leaf in enumerate(self.leaves) for index in np.ndindex(leaf.shape)])


def autodiff_of(function: Callable[..., Any], leaves: Arrays, upstream: np.ndarray) -> Autodiff:
    """By the whole Jacobian: the gradient, and the exact root of the sum of squares over the outputs."""
    doubles = [np.asarray(leaf, np.float64) for leaf in leaves]
    gradients, scales = [], []
    for jacobian in jax.jacrev(function, tuple(range(len(leaves))))(*doubles):
        terms = np.asarray(upstream, np.float64).reshape(upstream.shape + (1,) * (jacobian.ndim - upstream.ndim))
        terms = terms * np.asarray(jacobian)
        axes = tuple(range(upstream.ndim))
        gradients.append(terms.sum(axis=axes))
        scales.append(np.sqrt((terms**2).sum(axis=axes)))
    return Autodiff(tuple(gradients), tuple(scales))


def judge(
    case: Case,
    gradients: Mapping[str, Any] | BackwardResult,
    function: Callable[..., Any],
    upstream: np.ndarray,
    *,
    autodiff: Autodiff | Untraceable | None = None,
    slopes: Slopes | None = None,
    differences: bool = True,
    numpy_function: Callable[..., np.ndarray] | None = None,
    settings: Settings | None = None,
    **more: Any,
) -> DrawVerdict:
    """Judge one draw of `function`, a `jax.numpy` forward of the case's leaves with one output."""
    leaves = tuple(leaf.value for leaf in case.leaves)
    doubles = tuple(leaf.astype(np.result_type(leaf, np.float64)) for leaf in leaves)
    run = numpy_function or (lambda *arrays: np.asarray(function(*arrays)))
    backward = gradients if isinstance(gradients, BackwardResult) else answer(case, gradients)
    return judge_draw(
        case,
        Analytic((np.asarray(run(*doubles)),), backward),
        Upstream((upstream,), (np.asarray(upstream, np.float64),)),
        autodiff if autodiff is not None else autodiff_of(function, leaves, upstream),
        None if not differences else slopes if slopes is not None else Slopes(run, doubles, upstream),
        settings or Settings(),
        **more,
    )


def codes(verdict: DrawVerdict) -> list[str]:
    return [finding.code for finding in verdict.all_findings]


def messages(verdict: DrawVerdict) -> list[str]:
    return [finding.message for finding in verdict.all_findings]
