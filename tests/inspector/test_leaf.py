"""What is known of one element, and why there may be no map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.leaf import Leaf
from gradcheck_cli.saved.model import WRONG, Held
from tests.inspector import sessions


def test_facts_of_an_element() -> None:
    _, kept = sessions.norm()
    leaf = Leaf(kept, 0)
    facts = leaf.facts(5)
    yours, autodiff = kept.leaves[0].read("yours"), kept.leaves[0].read("autodiff")
    assert yours is not None and autodiff is not None
    assert facts.index == (1, 2)
    assert facts.yours == yours[1, 2] and facts.autodiff == autodiff[1, 2] and facts.reference is None
    assert facts.difference == pytest.approx(autodiff[1, 2]) and facts.bar == 1e-9
    assert facts.forward == facts.backward == autodiff[1, 2]
    assert facts.times == pytest.approx(abs(yours[1, 2] - autodiff[1, 2]) / 1e-12)
    assert facts.ratio == pytest.approx(yours[1, 2] / autodiff[1, 2])
    assert facts.mark == WRONG and facts.value == 0.5
    assert facts.rank == leaf.heat.worst.tolist().index(5) + 1


def test_what_is_not_known_is_none() -> None:
    _, kept = sessions.layer("one", [sessions.leaf("a", np.array(2.0), np.array(0.0))])
    facts = Leaf(kept, 0).facts(0)
    assert facts.index == () and facts.difference is None and facts.bar is None and facts.ratio is None


def test_another_reference_than_autodiff_is_told() -> None:
    each = sessions.leaf("x", np.ones(2), np.zeros(2), reference=Held(np.array([1.0, 0.0])))
    _, kept = sessions.layer("kink", [each])
    assert Leaf(kept, 0).facts(0).reference == 1.0
    assert Leaf(kept, 0).facts(1).reference is None


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({}, "There is no dx to compare."),
        ({"yours": Held(np.ones(3))}, "dx came back as (3,), not (2,): no element can be compared."),
        ({"yours": Held(np.ones(2))}, "There is nothing to hold dx against, for all elements."),
    ],
)
def test_why_there_is_no_map(arrays: dict[str, Held], why: str) -> None:
    each = replace(sessions.leaf("x", np.ones(2), np.ones(2)), arrays=arrays)
    _, kept = sessions.layer("none", [each], [None])
    assert Leaf(kept, 0).why_no_map == why
    assert Leaf(kept, 0).facts(0).rank is None


def test_elements_that_were_not_judged_and_none_at_all() -> None:
    _, kept = sessions.layer("none", [sessions.leaf("x", np.ones(2), np.ones(2))], [None])
    assert Leaf(kept, 0).why_no_map == "The elements of dx were not judged."
    _, kept = sessions.layer("none", [sessions.leaf("x", np.ones((0, 2)), np.ones((0, 2)))])
    assert Leaf(kept, 0).why_no_map == "dx has no elements."
    _, kept = sessions.norm()
    assert Leaf(kept, 0).why_no_map == ""


def test_slices_of_errors_and_of_differences() -> None:
    _, kept = sessions.norm()
    leaf = Leaf(kept, 0)
    yours, autodiff = kept.leaves[0].read("yours"), kept.leaves[0].read("autodiff")
    assert yours is not None and autodiff is not None
    part = (slice(1, 3), slice(0, 2))
    assert np.array_equal(leaf.column("error", part), (yours - autodiff)[part])
    assert leaf.column("difference", part) == pytest.approx(autodiff[part])
    assert np.isnan(Leaf(kept, 1).column("difference", (0, slice(0, 3)))).all()
    some = replace(
        kept.leaves[0],
        arrays={"difference_positions": Held(np.array([4])), "difference_values": Held(np.array([7.0]))},
    )
    found = Leaf(replace(kept, leaves=(some,)), 0).column("difference", part)
    assert found.tolist()[0][1] == 7.0 and np.isnan(found).sum() == 3


def test_a_damaged_file_is_a_users_error() -> None:
    _, kept = sessions.norm()
    arrays = {**kept.leaves[0].arrays, "yours": sessions.Damaged((4, 3))}
    leaf = Leaf(replace(kept, leaves=(replace(kept.leaves[0], arrays=arrays),)), 0)
    with pytest.raises(UserError):
        _ = leaf.heat
    with pytest.raises(UserError):
        leaf.facts(0)
