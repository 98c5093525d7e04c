from __future__ import annotations

from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

from gradcheck_cli.judge.elements import compare
from gradcheck_cli.judge.noise.sensitivity import sensitivity
from gradcheck_cli.judge.noise.tolerance import (
    given,
    jitter,
    may_be_rounding,
    measure,
    measured_rounding,
    natural_size,
    noise_of,
    perturbations,
    replay_distances,
    unmeasured_rounding,
)
from gradcheck_cli.judge.settings import Settings

F64, F32, F16 = np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.float16)
BF16 = np.dtype(ml_dtypes.bfloat16)
EPSILON_32 = float(np.finfo(np.float32).eps)


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [(F64, 1e-12, 1e-10), (F32, 1e-5, 1e-4), (F16, 1e-2, 5e-2), (BF16, 5e-2, 0.2)]
)
def test_relative_rounding_by_dtype(dtype: np.dtype, low: float, high: float) -> None:
    assert low < unmeasured_rounding([dtype]) < high


def test_the_narrowest_dtype_decides() -> None:
    assert unmeasured_rounding([F64, F32]) == unmeasured_rounding([F32])
    assert unmeasured_rounding([F64, np.dtype(np.int8)]) == unmeasured_rounding([F64])
    assert unmeasured_rounding([np.dtype(np.longdouble)]) == unmeasured_rounding([F64])


def test_the_tolerance_does_not_grow_with_the_array() -> None:
    small, large = measure(np.ones(10), [F64]), measure(np.ones(10**6), [F64])
    assert small.floor == large.floor
    assert small.at(np.ones(1), slice(0, 1)) == large.at(np.ones(1), slice(0, 1))


def test_cancelling_terms_allow_their_own_rounding_and_no_more() -> None:
    # A sum of terms of size 1 that cancels to 1e-9 has a rounding of 1e-16, a relative error of 1e-7.
    tolerance = measure(np.ones(4), [F64])
    reference = np.full(4, 1e-9)
    assert compare(reference + 1e-15, reference, tolerance).wrong.size == 0
    assert compare(reference * 1.1, reference, tolerance).wrong.size == 4


def test_a_zero_element_is_judged_against_its_leaf_not_against_itself() -> None:
    scale = np.array([1.0, 0.0])
    tolerance = measure(scale, [F64])
    reference = np.array([1.0, 0.0])
    assert compare(np.array([1.0, 1e-16]), reference, tolerance).wrong.size == 0
    assert compare(np.array([1.0, 1e-9]), reference, tolerance).wrong.tolist() == [1]


def test_a_leaf_that_is_zero_but_for_rounding_is_judged_against_the_function() -> None:
    # The gradient of a bias before a batch normalisation: zero, computed as 1e-17 or so by everybody.
    noise = np.array([3e-17, -2e-17])
    tolerance = measure(np.abs(noise), [F64], natural=2.0)
    assert compare(np.array([-5e-16, 4e-16]), noise, tolerance).wrong.size == 0
    assert compare(np.array([1e-6, 0.0]), noise, tolerance).wrong.tolist() == [0]


def test_natural_size() -> None:
    value = natural_size([np.array([2.0, -6.0])], [np.array([1.0, 0.5])], np.array([0.3, -0.3]))
    assert value == pytest.approx(10)
    assert natural_size([np.ones(2)], [np.ones(2)], np.zeros(3)) == pytest.approx(20)
    assert natural_size([np.array([np.nan, 1.0])], [np.ones(2)], np.ones(3)) == 1


def test_drift_excuses_what_the_reference_itself_does() -> None:
    reference = np.array([1.0, 1.0, 1.0])
    moved = [reference + np.array([0.0, 0.0, 1e-6]), reference + np.array([0.0, 0.0, -2e-6])]
    tolerance = measure(np.ones(3), [F64], moved=moved, reference=reference)
    yours = reference + 5e-6
    assert compare(yours, reference, tolerance).wrong.tolist() == [0, 1]


def test_drift_survives_nan() -> None:
    reference = np.array([1.0, np.nan, 1.0])
    tolerance = measure(np.ones(3), [F64], moved=[np.array([1.0, 1.0, np.inf])], reference=reference)
    assert tolerance.drift is not None
    assert np.isfinite(tolerance.drift).all()


def test_perturbations_are_as_large_as_the_narrowest_rounding() -> None:
    seen = []

    def perturbed(size: float, seed: int) -> tuple[np.ndarray, ...]:
        seen.append((size, seed))
        return (np.ones(1),)

    perturbations(perturbed, [F64, F32], 10)
    assert [size for size, _ in seen] == [float(np.finfo(np.float32).eps)] * len(seen)
    assert len({seed for _, seed in seen}) == len(seen) > 1
    assert perturbations(None, [F64], 10) == ()


def test_the_users_own_tolerance() -> None:
    assert given(Settings()) is None
    tolerance = given(Settings(rtol=1e-3))
    assert tolerance is not None
    reference = np.array([100.0, 0.0])
    assert compare(np.array([100.05, 0.0]), reference, tolerance).wrong.size == 0
    assert compare(np.array([100.2, 1e-300]), reference, tolerance).wrong.tolist() == [0, 1]
    absolute = given(Settings(atol=0.1))
    assert absolute is not None
    assert compare(np.array([100.05, 0.2]), reference, absolute).wrong.tolist() == [1]


def test_sensitivity_is_what_would_have_been_caught_in_every_element() -> None:
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(40, 50))
    tolerance = measure(np.abs(rng.normal(size=(40, 50))) + 1, [F64])
    found = sensitivity(tolerance, reference)
    assert found is not None
    assert 1e-15 < found.typical < found.every < 1e-10
    assert compare(reference * (1 + 1.01 * found.every), reference, tolerance).wrong.size == reference.size
    caught = compare(reference * (1 + 1.01 * found.typical), reference, tolerance).wrong.size
    assert 0.94 * reference.size < caught < reference.size


def test_sensitivity_speaks_of_elements_that_are_not_zero_but_for_the_tolerance() -> None:
    tolerance = measure(np.ones(3), [F32])
    found = sensitivity(tolerance, np.array([1.0, 1e-9, 0.0]))
    assert found is not None
    # 4·ε^¾ of the element itself, and a floor of a quarter of 16 ε
    assert found.every == pytest.approx(4 * EPSILON_32**0.75 + 4 * EPSILON_32)


def test_what_nobody_calls_a_mistake_is_a_share_of_the_element_itself_and_of_nothing_larger() -> None:
    tolerance = measure(np.array([1.0, 1.0]), [F64])
    reference = np.array([1.0, 1e-6])
    assert compare(reference * (1 + 5e-12), reference, tolerance).wrong.size == 0
    assert list(compare(reference + 5e-12, reference, tolerance).wrong) == [1]


def test_the_least_tolerance_is_a_few_roundings() -> None:
    assert measured_rounding([F64], 0.0) == 16 * np.finfo(np.float64).eps
    assert measured_rounding([BF16], 0.0) == 0.125


def test_noise_that_is_seen_widens_it_up_to_a_limit() -> None:
    assert measured_rounding([F32], 1e-6) == pytest.approx(1.2e-5)
    assert measured_rounding([F32], 1.0) == pytest.approx(np.finfo(np.float32).eps ** 0.5)


def test_noise_of_is_a_standard_deviation_and_does_not_see_a_mistake() -> None:
    rng = np.random.default_rng(0)
    reference, scale = rng.normal(size=4000), np.ones(4000)
    size = np.fmax(np.abs(reference), scale)
    mistake = 0.1 * reference
    errors, others = (mistake + 1e-7 * size * rng.normal(size=4000) for _ in range(2))
    assert noise_of(errors, others, reference, scale) == pytest.approx(1e-7, rel=0.1)
    errors[:100] = np.nan
    assert noise_of(errors, others, reference, scale) == pytest.approx(1e-7, rel=0.1)


@pytest.mark.parametrize("dtype", [F64, F32, F16, BF16])
def test_replays_are_near_and_not_nearer_than_a_rounding(dtype: np.dtype) -> None:
    assert all(ml_dtypes.finfo(dtype).eps <= distance < 0.01 for distance in replay_distances([dtype]))


def test_sensitivity_without_a_nonzero_reference() -> None:
    assert sensitivity(measure(np.zeros(3), [F64]), np.zeros(3)) is None


@pytest.mark.parametrize(("size", "wrong"), [(1e-13, 0), (1e-9, 1)])
@pytest.mark.parametrize("factor", [0.0, 2.0])
def test_what_is_next_to_nothing_may_be_off_by_itself(factor: float, size: float, wrong: int) -> None:
    """1 − tanh² of a saturated unit is a rounding or two for all inputs around; so may its gradient be."""
    reference = np.array([1.0, -2.0, size])
    yours = np.array([1.0, -2.0, factor * size])
    assert compare(yours, reference, measure(np.abs(reference), [F64])).wrong.size == wrong


class TestJitter:
    reference = np.array([1.0, 2.0, -3.0])
    tolerance = replace(measure(np.abs(reference), [F32]), own=0.0)

    def test_rounding_that_is_drawn_anew_is_excused(self) -> None:
        rng = np.random.default_rng(0)
        errors = [1e-4 * rng.normal(size=3) for _ in range(7)]
        widened = jitter(errors, self.reference, self.tolerance, [F32])
        yours = self.reference + errors[0]
        assert compare(yours, self.reference, self.tolerance).wrong.size
        assert compare(yours, self.reference, widened).wrong.size == 0

    def test_a_mistake_that_stays_is_not(self) -> None:
        rng = np.random.default_rng(0)
        errors = [np.array([1e-3, 0.0, 0.0]) + 1e-7 * rng.normal(size=3) for _ in range(7)]
        widened = jitter(errors, self.reference, self.tolerance, [F32])
        assert compare(self.reference + errors[0], self.reference, widened).wrong.tolist() == [0]

    def test_a_backward_that_is_random_is_not_noise(self) -> None:
        rng = np.random.default_rng(0)
        errors = [rng.normal(size=3) for _ in range(7)]
        widened = jitter(errors, self.reference, self.tolerance, [F32])
        assert compare(self.reference + errors[0], self.reference, widened).wrong.size == 3

    def test_a_cast_to_float32_is_not_noise_of_float64(self) -> None:
        rng = np.random.default_rng(0)
        near, far = [3e-8 * rng.normal(size=3)] * 4, [3e-8 * rng.normal(size=3) for _ in range(3)]
        tolerance = measure(np.abs(self.reference), [F64])
        widened = jitter([*near, *far], self.reference, tolerance, [F64])
        assert compare(self.reference + near[0], self.reference, widened).wrong.size == 3

    def test_rounding_that_only_changes_from_afar_is_excused(self) -> None:
        near, far = [np.full(3, 2e-14)] * 4, [np.full(3, 1e-14), np.full(3, -2e-14), np.full(3, 0.0)]
        tolerance = replace(measure(np.abs(self.reference), [F64]), own=0.0)
        widened = jitter([*near, *far], self.reference, tolerance, [F64])
        assert compare(self.reference + near[0], self.reference, tolerance).wrong.size
        assert compare(self.reference + near[0], self.reference, widened).wrong.size == 0

    def test_rounding_up_and_down_that_was_up_four_times_gets_more_calls(self) -> None:
        same, far = [np.full(3, 1e-10)] * 4, [np.full(3, -1e-10)] * 3
        tolerance = measure(np.abs(self.reference), [F64])
        once = jitter([*same, *far], self.reference, tolerance, [F64])
        wrong = compare(self.reference + same[0], self.reference, once).wrong
        assert wrong.size == 3
        assert may_be_rounding(same[0], wrong, self.reference, once, [F64])
        again = jitter([*same, *far, np.full(3, -1e-10)], self.reference, tolerance, [F64])
        assert compare(self.reference + same[0], self.reference, again).wrong.size == 0

    def test_a_share_of_an_element_that_nearly_cancels_is_no_rounding(self) -> None:
        """Farther away the element is another number, and its mistake with it."""
        here = np.array([4e-4, 2.0, -3.0])
        tolerance = replace(measure(np.full(3, 5.0), [F64]), own=0.0)
        references = [here] * 4 + [here + np.array([change, 0.0, 0.0]) for change in (5e-4, -3e-4, 2e-4)]
        errors = [6e-8 * reference for reference in references]
        unaware = jitter(errors, here, tolerance, [F64])
        assert 0 not in compare(here + errors[0], here, unaware).wrong
        aware = jitter(errors, here, tolerance, [F64], references=references)
        assert 0 in compare(here + errors[0], here, aware).wrong

    def test_what_is_far_outside_gets_no_more_calls(self) -> None:
        errors, wrong = np.array([1e-6, 0.0, 0.0]), np.array([0])
        assert not may_be_rounding(errors, wrong, self.reference, measure(np.abs(self.reference), [F64]), [F64])

    def test_nan_is_no_noise(self) -> None:
        errors = [np.array([np.nan, 0.0, 0.0]) for _ in range(7)]
        widened = jitter(errors, self.reference, self.tolerance, [F32])
        assert compare(self.reference + errors[0], self.reference, widened).wrong.tolist() == [0]
