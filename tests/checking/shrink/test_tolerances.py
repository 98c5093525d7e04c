"""What a script compares by: well above what rounding does to a right gradient, well below the error that it shows."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.checking.shrink.value_assertions import Wrong, isclose, tolerances
from gradcheck_cli.layers.case import Leaf


def wrong(yours: float, reference: float, tolerance: float, dtype: str) -> Wrong:
    leaf = Leaf("x", "x", (), np.zeros(1, dtype), ("N",))
    return Wrong(leaf, (0,), yours, reference, "autodiff", tolerance)


@pytest.mark.parametrize(
    ("yours", "reference", "tolerance", "dtype"),
    [
        (1.0, 1e-6, 2e-7, "float32"),  # a difference of terms of size one: float32 leaves no digit of it
        (1.01, 1.0, 1e-6, "float32"),
        (2.0, 1.0, 1e-6, "float32"),
        (0.5, 0.0, 1e-6, "float32"),
        (1.001, 1.0, 1e-15, "float64"),
        (1 + 1e-9, 1.0, 1e-15, "float64"),
        (1e-8, 2e-8, 1e-20, "float64"),
    ],
)
def test_right_by_rounding_holds_and_wrong_fails(yours: float, reference: float, tolerance: float, dtype: str) -> None:
    rtol, atol = tolerances(wrong(yours, reference, tolerance, dtype))
    assert isclose(reference + tolerance, reference, rtol, atol)
    assert isclose(reference - tolerance, reference, rtol, atol)
    assert not isclose(yours, reference, rtol, atol)
    assert not isclose(reference + 0.9 * (yours - reference), reference, rtol, atol)
