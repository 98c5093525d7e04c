from __future__ import annotations

import numpy as np

from gradcheck_cli.report.marks import UNICODE
from gradcheck_cli.report.where_map import shade, where_map


def test_a_small_matrix_is_shown_element_by_element() -> None:
    wrong = np.array([[True, False], [False, False], [False, True]])
    map_ = where_map(wrong, columns=40)
    assert map_ is not None
    assert map_.share.tolist() == [[1, 0], [0, 0], [0, 1]]
    assert (map_.row_axis, map_.column_axis, map_.row_block, map_.column_block, map_.folded) == (0, 1, 1, 1, ())


def test_a_vector_is_one_line() -> None:
    map_ = where_map(np.array([False, True]), columns=40)
    assert map_ is not None
    assert (map_.row_axis, map_.column_axis) == (None, 0)
    assert map_.share.shape == (1, 2)


def test_one_wrong_element_of_a_million_stays_visible_in_its_block() -> None:
    wrong = np.zeros((1024, 1024), dtype=bool)
    wrong[517, 1023] = True
    map_ = where_map(wrong, columns=50, rows=12)
    assert map_ is not None
    assert map_.share.shape[0] <= 12
    assert map_.share.shape[1] <= 50
    assert np.argwhere(map_.share > 0).tolist() == [[517 // map_.row_block, 1023 // map_.column_block]]
    (share,) = map_.share[map_.share > 0]
    assert shade(float(share), UNICODE.shades) == UNICODE.shades[1]


def test_blocks_at_the_edge_are_means_over_what_they_hold() -> None:
    map_ = where_map(np.ones((5, 7), dtype=bool), columns=3, rows=2)
    assert map_ is not None
    assert (map_.share == 1.0).all()


def test_n_dimensions_are_folded_over_the_axes_that_tell_least() -> None:
    wrong = np.zeros((3, 4, 5, 6), dtype=bool)
    wrong[1, :, :, 5] = True
    map_ = where_map(wrong, columns=40)
    assert map_ is not None
    assert (map_.row_axis, map_.column_axis) == (0, 3)
    assert map_.folded == (1, 2)
    assert np.argwhere(map_.share > 0).tolist() == [[1, 5]]


def test_scalars_and_empty_arrays_have_no_map() -> None:
    assert where_map(np.array(True), columns=10) is None
    assert where_map(np.zeros((0, 3), dtype=bool), columns=10) is None


def test_only_all_and_nothing_get_the_outer_shades() -> None:
    assert shade(0.0, UNICODE.shades) == "·"
    assert shade(1e-9, UNICODE.shades) == "░"
    assert shade(1 - 1e-9, UNICODE.shades) == "▓"
    assert shade(1.0, UNICODE.shades) == "█"
