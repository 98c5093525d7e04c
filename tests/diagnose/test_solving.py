"""Numbers that are solved for: groups of unknowns apart from each other, in one go, and where nothing explains it."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.diagnose.recovery.models import Model, Part
from gradcheck_cli.diagnose.recovery.solving import solved

ROWS = 12


def elementwise(rng: np.random.Generator, unknowns: int, elements: int, groups: int, *, turns: int = 1) -> Model:
    """Unknowns that multiply what arrives, in groups that reach elements of their own."""
    mine = np.repeat(np.arange(groups), unknowns // groups)
    theirs = np.repeat(np.arange(groups), elements // groups)
    parts = tuple(
        Part(
            rng.normal(size=(ROWS, unknowns)),
            rng.normal(size=(unknowns, elements)) * (mine[:, None] == theirs),
            to=np.arange(unknowns),
        )
        for _ in range(turns)
    )
    return Model(rng.normal(size=unknowns), parts, np.ones(unknowns, bool), is_shared=turns > 1)


def product(rng: np.random.Generator, unknowns: int, elements: int) -> Model:
    """Unknowns that each go to several elements of the target."""
    spread = rng.normal(size=(ROWS, unknowns, 5))
    part = Part(rng.normal(size=(ROWS, 7)), rng.normal(size=(5, elements)), spread=spread)
    return Model(rng.normal(size=unknowns), (part,), np.ones(unknowns, bool), is_shared=False)


def wrongs_of(model: Model, change: np.ndarray) -> np.ndarray:
    """What these changes come to."""
    return np.asarray(
        sum(
            (part.above * change if part.spread is None else np.einsum("kbt,b->kt", part.spread, change)) @ part.ways
            for part in model.parts
        )
    )


MODELS = {
    "in groups": lambda rng: elementwise(rng, 120, 60, 20),
    "each alone": lambda rng: elementwise(rng, 90, 90, 90),
    "all together": lambda rng: elementwise(rng, 40, 30, 1),
    "in turns": lambda rng: elementwise(rng, 40, 40, 8, turns=3),
    "of a product": lambda rng: product(rng, 20, 30),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_changes_are_found(name: str) -> None:
    rng = np.random.default_rng(1)
    model = MODELS[name](rng)
    change = rng.normal(size=len(model.right))
    wrongs = wrongs_of(model, change)
    found = solved(model, wrongs, np.ones(wrongs.shape[1], bool))
    assert found is not None
    assert found.rest <= 1e-9 * found.size
    assert found.change == pytest.approx(change, rel=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_what_no_numbers_explain_is_none(name: str) -> None:
    rng = np.random.default_rng(2)
    model = MODELS[name](rng)
    wrongs = wrongs_of(model, rng.normal(size=len(model.right)))
    wrongs[:, -3:] += rng.normal(size=(ROWS, 3)) * np.abs(wrongs).max()
    assert solved(model, wrongs, np.ones(wrongs.shape[1], bool)) is None


def test_an_element_that_no_unknown_reaches_is_left() -> None:
    rng = np.random.default_rng(3)
    model = elementwise(rng, 40, 40, 8)
    wrongs = np.concatenate([wrongs_of(model, rng.normal(size=40)), np.full((ROWS, 1), 1e-3)], axis=1)
    (part,) = model.parts
    wider = Part(part.above, np.concatenate([part.ways, np.zeros((40, 1))], axis=1), to=part.to)
    found = solved(Model(model.right, (wider,), model.counts, is_shared=False), wrongs, np.ones(41, bool))
    assert found is not None
    assert found.rest == pytest.approx(1e-3 * np.sqrt(ROWS), rel=1e-3)
