"""Moves of the cursor, slices, axes and zoom, each a function from view to view."""

from __future__ import annotations

import pytest

from gradcheck_cli.inspector.view import NUMBERS, view_of


def test_the_two_longest_axes_are_shown() -> None:
    view = view_of((2, 9, 3, 7))
    assert (view.rows, view.columns, view.step, view.others) == (1, 3, 0, (0, 2))
    assert (view_of((3, 3, 3)).rows, view_of((3, 3, 3)).columns) == (1, 2)


def test_vectors_are_rows_and_scalars_cells() -> None:
    assert view_of((5,)).shape == (1, 5) and view_of(()).shape == (1, 1)
    assert view_of((5,)).step is None


def test_the_cursor_stays_inside() -> None:
    view = view_of((3, 4))
    assert view.moved(-1, -1).index == (0, 0)
    assert view.moved(9, 9).index == (2, 3)
    assert view.at((7, -2)).index == (2, 0)


def test_a_move_is_one_cell_and_a_cell_is_a_block() -> None:
    view = view_of((100, 100)).fitted(25, 25)
    assert view.block == (4, 4) and view.size == (25, 25)
    assert view.at((5, 5)).moved(1, 0).index == (8, 5)
    assert view.at((5, 5)).moved(0, -1).index == (5, 0)
    assert view.at_cell(3, 24).index == (12, 96)
    assert view.at((99, 99)).moved(1, 1).index == (99, 99)


def test_positions() -> None:
    view = view_of((2, 3, 4)).at_position(17)
    assert view.index == (1, 1, 1) and view.position == 17


def test_slices_come_round() -> None:
    view = view_of((2, 9, 7))
    assert view.stepped(-1).index == (1, 0, 0)
    assert view.stepped(2).index == (0, 0, 0)
    assert view_of((3, 4)).stepped(1) == view_of((3, 4))


def test_the_axis_that_is_stepped_through_can_be_chosen() -> None:
    view = view_of((2, 9, 3, 7))
    assert view.next_step().step == 2
    assert view.next_step().next_step().step == 0
    assert view_of((3, 4)).next_step().step is None


def test_axes_can_be_chosen_and_turned() -> None:
    view = view_of((2, 9, 7))
    other = view.with_next(rows=True)
    assert (other.rows, other.columns, other.step) == (0, 2, 1)
    assert view.with_next(rows=False).columns == 0
    assert view_of((3, 4)).with_next(rows=True) == view_of((3, 4))
    turned = view.transposed()
    assert (turned.rows, turned.columns) == (2, 1)


@pytest.mark.parametrize(("shape", "block"), [((10, 10), (1, 1)), ((40, 10), (4, 1)), ((10**6, 3), (2**17, 1))])
def test_farthest_out_all_is_seen(shape: tuple[int, int], block: tuple[int, int]) -> None:
    view = view_of(shape).fitted(12, 12)
    assert view.block == block
    assert view.size[0] <= 12 and view.size[1] <= 12


def test_zoom_ends_at_numbers_and_at_the_whole() -> None:
    view = view_of((40, 40)).fitted(10, 10)
    assert view.zoom == 2
    assert view.zoomed(-1).zoom == 2
    assert view.zoomed(1).block == (2, 2)
    assert view.zoomed(9).zoom == NUMBERS and view.zoomed(9).block == (1, 1)


def test_the_cursor_is_always_in_sight() -> None:
    view = view_of((100, 100)).at((50, 99)).within(10, 10)
    assert (view.top, view.left) == (41, 90)
    assert view.at((0, 0)).within(10, 10).top == 0
    back = view.at((45, 95)).within(10, 10)
    assert (back.top, back.left) == (41, 90)
    assert view.within(200, 200).top == 0
