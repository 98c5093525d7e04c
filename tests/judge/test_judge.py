"""Whole draws: what each witness is asked for, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from time import process_time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.report.model import Status
from gradcheck_cli.witnesses.gradients import Autodiff
from tests.judge import affine
from tests.judge.hand_made import Slopes, a_case, a_layer, autodiff_of, codes, judge, messages


def one_leaf(value: Any, function: Any, gradient: Any, dout: Any, **more: Any) -> Any:
    layer = a_layer(("x",), expect=more.pop("expect", ""))
    case = a_case({"x": np.asarray(value, np.float64)}, {"x": ("N",)}, layer=layer)
    return judge(case, {"x": np.asarray(gradient, np.float64)}, function, np.asarray(dout, np.float64), **more)


def test_a_right_layer_passes_and_says_how_finely() -> None:
    case = affine.case()
    dout = affine.upstream(case)
    verdict = judge(case, affine.gradients(case, dout), affine.forward, dout)
    assert verdict.status is Status.PASS
    assert verdict.witnesses == ("yours", "autodiff", "finite differences")
    assert all(leaf.sensitivity is not None and leaf.sensitivity.every < 1e-9 for leaf in verdict.leaves)
    assert len(verdict.differences.directional) == 2
    assert verdict.differences.elements
    assert not verdict.differences.complete


def test_one_element_off_by_one_in_a_million() -> None:
    case = affine.case()
    dout = affine.upstream(case)
    gradients = affine.gradients(case, dout)
    gradients["w"][2, 3] *= 1 + 1e-6
    verdict = judge(case, gradients, affine.forward, dout)
    (finding,) = verdict.all_findings
    assert finding.code == "GC201"
    assert finding.index == (2, 3)
    assert finding.argument == "w"
    assert (finding.path, finding.line) == ("layers.py", 7)
    assert finding.finite_difference == pytest.approx(finding.autodiff, rel=1e-8)
    assert "`dw` is wrong in 1 of 30 elements; worst at [2, 3]: yours " in finding.message
    assert "(ratio 1 + 1.0e-06)" in finding.message
    wrong_map = verdict.leaves[1].wrong_map
    assert wrong_map is not None
    assert np.argwhere(wrong_map).tolist() == [[2, 3]]


def test_a_large_layer_every_element_fast() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(32, 1024)), rng.normal(size=(1024, 1024))
    case = a_case({"x": x, "w": w}, {"x": ("N", "D"), "w": ("D", "M")})
    dout = rng.normal(size=(32, 1024))
    gradients = {"x": dout @ w.T, "w": x.T @ dout}
    scale = (np.sqrt(dout**2 @ (w**2).T), np.sqrt((x**2).T @ dout**2))
    autodiff = Autodiff((gradients["x"].copy(), gradients["w"].copy()), scale)

    class NoSlopes(Slopes):
        def directional(self, count: int) -> Any:
            return ()

        def elements(self, wanted: Any, *, one_sided: bool = False) -> Any:
            return {}

    def judged() -> Any:
        slopes = NoSlopes(lambda x, w: x @ w, (x, w), dout)
        return judge(case, gradients, lambda x, w: x @ w, dout, autodiff=autodiff, slopes=slopes)

    assert judged().status is Status.PASS
    started = process_time()
    judged()
    # About 20 ms on an idle machine; the bound is loose because others may be using this one.
    assert process_time() - started < 0.3
    gradients["w"][700, 3] *= 1 + 1e-6
    verdict = judged()
    assert codes(verdict) == ["GC201"]
    assert verdict.all_findings[0].index == (700, 3)


def test_the_users_tolerance_overrides() -> None:
    case = affine.case()
    dout = affine.upstream(case)
    gradients = {name: gradient * 1.001 for name, gradient in affine.gradients(case, dout).items()}
    assert judge(case, gradients, affine.forward, dout, settings=Settings(rtol=1e-2)).status is Status.PASS
    assert judge(case, gradients, affine.forward, dout, settings=Settings(rtol=1e-4)).status is Status.FAIL


def test_full_differences_every_element() -> None:
    case = affine.case()
    dout = affine.upstream(case)
    verdict = judge(case, affine.gradients(case, dout), affine.forward, dout, settings=Settings(full=True))
    assert verdict.differences.complete


class TestNotFinite:
    def test_yours(self) -> None:
        case = affine.case()
        dout = affine.upstream(case)
        gradients = affine.gradients(case, dout)
        gradients["w"][2, 3], gradients["w"][4, 1] = np.nan, np.inf
        verdict = judge(case, gradients, affine.forward, dout)
        assert messages(verdict) == ["`dw` is NaN in 2 of 30 elements, first at [2, 3], where the gradient is finite"]
        assert codes(verdict) == ["GC401"]

    def test_yours_and_the_rest_wrong_is_one_finding(self) -> None:
        verdict = one_leaf([1.0, 2.0, 3.0], lambda x: x**2, [np.inf, 4, 7], [1.0, 1.0, 1.0])
        assert messages(verdict) == [
            "`dx` is infinite in 1 of 3 elements, first at [0], where the gradient is finite; 1 other is wrong"
        ]

    def test_forward(self) -> None:
        verdict = one_leaf([-1.0, 4.0], jnp.sqrt, [np.nan, 0.25], [1.0, 1.0])
        assert verdict.status is Status.INCONCLUSIVE
        assert verdict.leaves[0].why == "the forward gives NaN at [0] for these inputs"

    def test_forward_but_what_is_finite_is_wrong(self) -> None:
        assert one_leaf([-1.0, 4.0], jnp.sqrt, [np.nan, 0.5], [1.0, 1.0]).status is Status.FAIL

    def test_autodiff_only_and_differences_decide(self) -> None:
        def guarded(x: Any) -> Any:
            return jnp.where(x > 0, jnp.sqrt(x), 0.0)

        leaf = np.array([-1.0, 4.0])
        poisoned = autodiff_of(guarded, (leaf,), np.ones(2))
        poisoned.gradients[0][0] = poisoned.scale[0][0] = np.nan
        right = one_leaf(leaf, guarded, [0.0, 0.25], [1.0, 1.0], autodiff=poisoned)
        assert right.status is Status.PASS
        assert right.leaves[0].decided_by == "finite differences"
        assert one_leaf(leaf, guarded, [0.1, 0.25], [1.0, 1.0], autodiff=poisoned).status is Status.FAIL
        assert codes(one_leaf(leaf, guarded, [np.nan, 0.25], [1.0, 1.0], autodiff=poisoned)) == ["GC401"]

    def test_nobody_knows(self) -> None:
        leaf = np.array([0.0, 4.0])
        verdict = one_leaf(leaf, jnp.sqrt, [np.inf, 0.25], [1.0, 1.0])
        assert verdict.status is Status.INCONCLUSIVE
        assert "at [0]" in verdict.leaves[0].why


class TestKinks:
    def relu(self, x: Any) -> Any:
        return jnp.maximum(x, 0.0)

    @pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
    def test_any_subgradient(self, slope: float) -> None:
        verdict = one_leaf([0.0, 1.0, -1.0], self.relu, [slope * 3, 2.0, 0.0], [3.0, 2.0, 1.0])
        assert verdict.status is Status.PASS
        if slope != 0.5:
            assert "meets a kink in 1 element, first at [0]: the slopes on its two sides are" in verdict.leaves[0].why

    def test_beyond_the_slopes(self) -> None:
        assert codes(one_leaf([0.0, 1.0, -1.0], self.relu, [6.0, 2.0, 0.0], [3.0, 2.0, 1.0])) == ["GC201"]

    def test_a_wrong_element_beside_a_kink(self) -> None:
        verdict = one_leaf([0.0, 1.0, -1.0], self.relu, [3.0, 2.5, 0.0], [3.0, 2.0, 1.0])
        assert messages(verdict)[0].startswith("`dx` is wrong in 1 of 3 elements; worst at [1]")

    def test_many_kinks_at_once(self) -> None:
        x = np.zeros(100)
        x[:3] = [1.0, 2.0, 3.0]
        verdict = one_leaf(x, self.relu, np.ones(100), np.ones(100))
        assert verdict.status is Status.PASS
        assert "a kink in 97 elements" in verdict.leaves[0].why

    def test_a_wrong_one_among_many_kinks(self) -> None:
        x = np.zeros(100)
        x[:3] = [1.0, 2.0, 3.0]
        gradient = np.ones(100)
        gradient[50] = -0.3
        verdict = one_leaf(x, self.relu, gradient, np.ones(100))
        assert verdict.status is Status.FAIL
        assert verdict.all_findings[0].index == (50,)

    def test_kinks_beyond_the_budget_are_not_passed(self) -> None:
        x = np.zeros(100)
        x[:3] = [1.0, 2.0, 3.0]
        verdict = one_leaf(x, self.relu, np.ones(100), np.ones(100), settings=Settings(max_evals=600))
        assert verdict.status is Status.INCONCLUSIVE


class TestAutodiffIsTheOddOneOut:
    """The forward holds a custom rule with a wrong gradient; the user's backward is right, or is not."""

    @staticmethod
    def layer() -> Any:
        @jax.custom_jvp
        def square(x: Any) -> Any:
            return x**2

        square.defjvp(lambda primals, tangents: (primals[0] ** 2, 3.0 * tangents[0]))
        return lambda x: square(x)

    @pytest.mark.parametrize("size", [3, 60])
    def test_yours_is_right(self, size: int) -> None:
        x = np.linspace(1.0, 2.0, size)
        verdict = one_leaf(x, self.layer(), 2 * x, np.ones(size))
        assert verdict.status is Status.PASS
        assert verdict.leaves[0].decided_by == "finite differences"
        assert any("Autodiff is the odd one out for `dx`" in note for note in verdict.notes)

    @pytest.mark.parametrize("size", [3, 60])
    def test_yours_is_wrong_too(self, size: int) -> None:
        x = np.linspace(1.0, 2.0, size)
        gradient = 2 * x
        gradient[1] *= 1.001
        verdict = one_leaf(x, self.layer(), gradient, np.ones(size))
        assert verdict.status is Status.FAIL
        assert verdict.all_findings[0].index == (1,)
        assert "finite differences" in verdict.all_findings[0].message

    def test_more_elements_than_may_be_looked_at(self) -> None:
        x = np.linspace(1.0, 2.0, 500)
        verdict = one_leaf(x, self.layer(), 2 * x, np.ones(500), settings=Settings(max_evals=1000))
        assert verdict.status is Status.INCONCLUSIVE
        assert "did not get to" in verdict.leaves[0].why


class TestBothDerivativesDisagreeWithTheFunction:
    @staticmethod
    def rounded(x: Any) -> Any:
        return x + jax.lax.stop_gradient(jnp.round(x) - x)

    @pytest.mark.parametrize("size", [3, 60])
    def test_straight_through_is_inconclusive_and_says_why(self, size: int) -> None:
        x = np.linspace(1.1, 1.4, size)
        verdict = one_leaf(x, self.rounded, np.ones(size), np.ones(size))
        assert verdict.status is Status.INCONCLUSIVE
        assert "yours and autodiff agree, but the forward has another slope" in verdict.leaves[0].why
        assert "straight-through" in verdict.leaves[0].why

    def test_straight_through_as_expected(self) -> None:
        x = np.linspace(1.1, 1.4, 5)
        verdict = one_leaf(x, self.rounded, np.ones(5), np.ones(5), expect="straight-through")
        assert verdict.status is Status.PASS
        assert any("straight-through, as expected" in note for note in verdict.notes)

    def test_straight_through_and_wrong(self) -> None:
        x = np.linspace(1.1, 1.4, 5)
        verdict = one_leaf(x, self.rounded, np.full(5, 2.0), np.ones(5), expect="straight-through")
        assert verdict.status is Status.FAIL

    def test_one_element_among_many(self) -> None:
        def cut(x: Any) -> Any:
            return jnp.concatenate([jax.lax.stop_gradient(x[:1]), x[1:]]) * 2.0

        x = np.linspace(1.1, 1.4, 60)
        gradient = np.full(60, 2.0)
        gradient[0] = 0.0
        assert one_leaf(x, cut, gradient, np.ones(60)).status is Status.INCONCLUSIVE


class TestZero:
    def test_a_gradient_that_is_zero_everywhere(self) -> None:
        verdict = one_leaf([1.0, 2.0], lambda x: 0 * x + 1.0, [0.0, 0.0], [1.0, 1.0])
        assert verdict.status is Status.PASS
        assert codes(one_leaf([1.0, 2.0], lambda x: 0 * x + 1.0, [0.0, 0.1], [1.0, 1.0])) == ["GC201"]

    def test_a_zero_upstream(self) -> None:
        verdict = one_leaf([1.0, 2.0], lambda x: x**2, [0.0, 0.0], [0.0, 0.0])
        assert verdict.status is Status.PASS
        assert codes(one_leaf([1.0, 2.0], lambda x: x**2, [2.0, 4.0], [0.0, 0.0])) == ["GC201"]

    def test_an_argument_without_effect(self) -> None:
        case = a_case({"x": np.ones(3), "unused": np.ones(2)})
        dout = np.array([1.0, 2.0, 3.0])

        def forward(x: Any, unused: Any) -> Any:
            return x**2 + 0 * unused.sum()

        assert judge(case, {"x": 2 * dout, "unused": np.zeros(2)}, forward, dout).status is Status.PASS
        assert codes(judge(case, {"x": 2 * dout, "unused": np.ones(2)}, forward, dout)) == ["GC201"]


def test_noise_that_hides_the_slope_is_said() -> None:
    x = np.linspace(1.0, 2.0, 60)
    slopes = Slopes(lambda x: x**2, (x,), np.ones(60), noise=1e-4)
    verdict = one_leaf(x, lambda x: x**2, 2 * x, np.ones(60), slopes=slopes)
    assert verdict.status is Status.PASS
    assert any("too noisy here to confirm autodiff" in note for note in verdict.notes)
    wrong = one_leaf(x, lambda x: x**2, 2.1 * x, np.ones(60), slopes=replace(slopes, evaluations=0))
    assert wrong.status is Status.FAIL


def test_complex_leaves() -> None:
    x = np.array([1 + 2j, 3 - 1j])
    case = a_case({"x": x})
    dout = np.array([1.0, 2.0])
    # JAX's cotangent of |x|² is 2 conj(x).
    reference = 2 * x.conj() * dout
    autodiff = Autodiff((reference,), (np.abs(reference),))

    class Silent(Slopes):
        def directional(self, count: int) -> Any:
            return ()

        def elements(self, wanted: Any, *, one_sided: bool = False) -> Any:
            return {}

    slopes = Silent(lambda x: np.abs(x) ** 2, (x,), dout)
    with np.errstate(all="ignore"):
        right = judge(case, {"x": reference.copy()}, lambda x: np.abs(x) ** 2, dout, autodiff=autodiff, slopes=slopes)
        wrong = judge(case, {"x": reference.conj()}, lambda x: np.abs(x) ** 2, dout, autodiff=autodiff, slopes=slopes)
    assert right.status is Status.PASS
    assert codes(wrong) == ["GC201"]


def test_a_layer_without_a_floating_argument_is_not_passed() -> None:
    case = a_case({"labels": np.arange(3)})
    verdict = judge(case, {}, lambda: np.ones(2), np.ones(2), autodiff=Autodiff((), ()))
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.notes == ("No argument is a floating array: there is no gradient to check.",)


def test_empty_arrays() -> None:
    case = a_case({"x": np.ones((0, 3)), "b": np.ones(3)})
    dout = np.ones(3)
    right = {"x": np.ones((0, 3)), "b": dout}

    def forward(x: Any, b: Any) -> Any:
        return x.sum(axis=0) + b

    assert judge(case, right, forward, dout).status is Status.PASS
    assert codes(judge(case, {**right, "x": np.ones((3, 0))}, forward, dout)) == ["GC101"]
