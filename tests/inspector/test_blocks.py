"""Blocks hold their worst element; what was computed once is not computed again."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.inspector.blocks import Blocks


def _worst(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.array(
        [
            [plane[row : row + height, column : column + width].max() for column in range(0, plane.shape[1], width)]
            for row in range(0, plane.shape[0], height)
        ]
    )


@pytest.mark.parametrize("block", [(1, 1), (2, 1), (1, 4), (8, 8), (32, 16)])
def test_each_block_shows_its_worst(block: tuple[int, int]) -> None:
    codes = np.random.default_rng(0).integers(0, 20, (3, 29, 13), np.uint8)
    blocks = Blocks(codes)
    for place in range(3):
        expected = _worst(codes[place], *block)
        assert np.array_equal(blocks.of(1, 2, (place, 0, 0), *block), expected)
        assert np.array_equal(blocks.of(2, 1, (place, 0, 0), block[1], block[0]), expected.T)


def test_other_axes_show_other_planes() -> None:
    codes = np.random.default_rng(1).integers(0, 20, (4, 5, 6), np.uint8)
    assert np.array_equal(Blocks(codes).of(0, 2, (0, 3, 0), 1, 1), codes[:, 3, :])
    assert np.array_equal(Blocks(codes).of(2, 0, (0, 3, 0), 1, 1), codes[:, 3, :].T)


def test_blocks_are_remembered_and_the_oldest_planes_forgotten() -> None:
    blocks = Blocks(np.zeros((20, 8, 8), np.uint8))
    first = blocks.of(1, 2, (0, 0, 0), 4, 4)
    assert blocks.of(1, 2, (0, 5, 5), 4, 4) is first
    for place in range(20):
        blocks.of(1, 2, (place, 0, 0), 4, 4)
    assert len(blocks._planes) == 8
