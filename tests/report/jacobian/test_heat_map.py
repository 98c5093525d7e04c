from __future__ import annotations

import numpy as np

from gradcheck_cli.report.jacobian.heat_map import fold_for, folded


def test_one_entry_of_a_million_stays_visible() -> None:
    matrix = np.zeros((1000, 1000))
    matrix[517, 998] = -0.5
    map_ = folded(matrix, 40, 80)
    assert map_.largest.shape <= (40, 80)
    assert np.argwhere(map_.largest).tolist() == [[517 // map_.height, 998 // map_.width]]
    assert map_.largest.min() == -0.5


def test_a_block_tells_its_largest_entry_and_whether_signs_are_mixed() -> None:
    map_ = folded(np.array([[1.0, -3.0, 2.0, 0.0], [0.0, 0.0, 1.0, 1.0]]), 1, 2)
    assert map_.largest.tolist() == [[-3.0, 2.0]]
    assert map_.mixed.tolist() == [[True, False]]


def test_marks_are_two_columns_wide_where_it_would_be_folded_anyway() -> None:
    assert fold_for(np.eye(70), 77).width == 1
    assert fold_for(np.eye(200), 77).largest.shape[1] <= 38
