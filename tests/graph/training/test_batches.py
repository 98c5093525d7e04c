"""Minibatches."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.training.batches import batches

INPUTS = {"x": np.arange(20.0).reshape(10, 2), "y": np.arange(10), "temperature": np.float64(2.0)}


def test_all_at_once_where_no_size_is_given():
    assert batches(INPUTS, None, 0).at(7) is INPUTS


def test_each_example_comes_once_an_epoch_and_what_is_left_over_does_not():
    taken = batches(INPUTS, 3, 0)
    epoch = [taken.at(step) for step in (1, 2, 3)]
    seen = np.concatenate([batch["y"] for batch in epoch])
    assert len(set(seen)) == 9
    assert list(seen) != sorted(seen)
    for batch in epoch:
        np.testing.assert_array_equal(batch["x"][:, 0], 2.0 * batch["y"])
        assert batch["temperature"] == 2.0
    np.testing.assert_array_equal(taken.at(4)["y"], taken.at(1)["y"])


def test_the_seed_decides_the_order():
    one, same, other = (batches(INPUTS, 5, seed).order for seed in (0, 0, 1))
    assert one == same
    assert one != other


def test_a_few():
    np.testing.assert_array_equal(batches(INPUTS, None, 0).few(4)["y"], [0, 1, 2, 3])
    assert batches(INPUTS, None, 0).few(50) is INPUTS


def test_a_single_vector_is_one_example():
    taken = batches({"x": np.arange(3.0), "y": 0.25}, None, 0)
    assert taken.examples == 1
    assert taken.few(4) is taken.inputs


def test_more_than_there_are():
    with pytest.raises(UserError, match="more than the 10 examples"):
        batches(INPUTS, 11, 0)
