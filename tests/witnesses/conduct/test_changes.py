from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.layers.leaves import fresh
from gradcheck_cli.witnesses.conduct.changes import changes


def paths(before: Any, after: Any) -> list[tuple[Any, ...]]:
    return [change.path for change in changes(before, after)]


def test_bytes_tell_what_equality_does_not() -> None:
    assert paths(np.array([np.nan, 1.0]), np.array([np.nan, 1.0])) == []
    assert paths(np.array([0.0]), np.array([-0.0])) == [()]
    assert paths(np.array([1, 2]), np.array([1.0, 2.0])) == [()]


def test_places_inside_containers() -> None:
    value = {"W": np.ones(3), "rest": [np.zeros(2), (np.ones(1), 4.0)]}
    before = fresh(value)
    value["rest"][1][0][0] = 7.0
    assert paths(before, value) == [("rest", 1, 0)]


def test_a_key_that_was_added_is_no_change_and_one_that_is_gone_is() -> None:
    value: dict[str, Any] = {"W": np.ones(3)}
    before = fresh(value)
    value["cache"] = 1
    assert paths(before, value) == []
    del value["W"]
    assert paths(before, value) == [("W",)]


@pytest.mark.parametrize("change", [lambda items: items.append(1), lambda items: items.pop()])
def test_a_list_of_another_length(change) -> None:
    value = [np.ones(1), np.ones(1)]
    before = fresh(value)
    change(value)
    assert paths(before, value) == [()]


def test_a_number_in_a_list() -> None:
    assert paths([1.0, 2.0], [1.0, 3.0]) == [(1,)]
    assert paths([float("nan")], [float("nan")]) == []


def test_which_elements_changed() -> None:
    (change,) = changes(np.zeros((2, 3)), np.array([[0.0, 0.0, 1.0], [0.0, 2.0, 0.0]]))
    assert change.elements.tolist() == [2, 4]
    assert change.difference is not None
    assert change.difference[1, 1] == 2.0


def test_other_memory_with_the_same_values_is_no_change() -> None:
    array = np.arange(6.0).reshape(2, 3)
    assert paths(array, np.asfortranarray(array)) == []
