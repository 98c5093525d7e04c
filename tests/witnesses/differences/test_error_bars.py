"""The claim of a finite difference, |value − true| ≤ error, over many random cases; and that the bars are tight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.witnesses.differences.differencer import Differencer
from gradcheck_cli.witnesses.differences.evaluate import evaluator
from tests.witnesses.cases import Bound, make_case, make_upstream
from tests.witnesses.differences.smooth import SMOOTH, derivatives

SEEDS = 20


@pytest.mark.parametrize("name", SMOOTH)
def test_bars_hold_and_are_tight(name: str) -> None:
    smooth = SMOOTH[name]
    total, outside, tightness, directions_outside = 0, 0, [], 0
    for seed in range(SEEDS):
        arguments = smooth.inputs(np.random.default_rng(seed))
        case = make_case(arguments, seed=seed)
        upstream = make_upstream(case, smooth.forward)
        gradient, scale = derivatives(smooth, arguments, upstream.flat[0])
        differencer = Differencer(evaluator(Bound(smooth.forward), case), case, upstream)
        found = list(differencer.all_elements().values())
        value = np.array([one.value for one in found])
        error = np.array([one.error for one in found])
        # The truth itself is rounded.
        outside += int(np.sum(~(np.abs(value - gradient) <= error + 1e-15 * scale)))
        total += len(value)
        tightness.append(error[scale > 0] / scale[scale > 0])
        for one in differencer.directional(2):
            along = np.concatenate([part.reshape(-1) for part in one.direction])
            slack = 4e-15 * np.sqrt(np.sum((along * scale) ** 2))
            directions_outside += not abs(one.difference.value - along @ gradient) <= one.difference.error + slack
    assert outside <= total / 1000
    assert directions_outside == 0
    assert np.median(np.concatenate(tightness)) < smooth.tight


def test_a_sum_of_a_hundred_thousand_terms() -> None:
    x = np.random.default_rng(0).normal(size=100_000)
    case = make_case({"x": x}, unit_upstream=True)

    def forward(x: Any) -> Any:
        return (x * x).sum()

    differencer = Differencer(evaluator(Bound(forward), case), case, make_upstream(case, forward))
    for (_, index), one in differencer.elements([(0, (i,)) for i in range(0, 100_000, 5_000)]).items():
        assert abs(one.value - 2 * x[index]) <= one.error < 1e-5
    direction = differencer.directional(1)[0]
    right = float(2 * x @ direction.direction[0])
    assert abs(direction.difference.value - right) <= direction.difference.error < 1e-4


def test_random_noise_is_measured() -> None:
    rng = np.random.default_rng(5)

    def forward(x: Any) -> Any:
        return np.sin(x) * (1 + 1e-7 * rng.standard_normal(x.shape))

    outside = 0
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=(4, 5)).round(2)
        case = make_case({"x": x}, seed=seed)
        upstream = make_upstream(case, forward)
        found = Differencer(evaluator(Bound(forward), case), case, upstream).all_elements()
        right = upstream.flat[0] * np.cos(x)
        outside += sum(not abs(one.value - right[index]) <= one.error for (_, index), one in found.items())
        assert np.median([one.error for one in found.values()]) < 1e-3
    assert outside <= 1


def test_a_wrong_noise_would_be_noticed() -> None:
    """The coverage test can fail: with bars a hundred times smaller many values lie outside."""
    smooth = SMOOTH["affine"]
    arguments = smooth.inputs(np.random.default_rng(0))
    case = make_case(arguments)
    upstream = make_upstream(case, smooth.forward)
    gradient, _ = derivatives(smooth, arguments, upstream.flat[0])
    found = Differencer(evaluator(Bound(smooth.forward), case), case, upstream).all_elements().values()
    outside = sum(abs(one.value - right) > one.error / 100 for one, right in zip(found, gradient))
    assert outside > 10
