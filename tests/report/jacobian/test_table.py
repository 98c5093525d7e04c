from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len

from gradcheck_cli.report.jacobian.model import Side
from tests.report.jacobian.made import LINEAR, page, square


def test_a_small_jacobian_is_shown_as_numbers_with_everything_that_is_said_of_it() -> None:
    shown = page(LINEAR)
    assert "layer · layers.py:3 · N=2, M=3 · seed 0" in shown
    assert "∂z/∂x   2 × 3   W transposed   Wᵀ" in shown
    assert [line.split() for line in shown.splitlines() if line.strip().startswith(("x[", "z["))] == [
        ["x[0,0]", "x[0,1]", "x[0,2]"],
        ["z[0,0]", "0.370", "−1.500", "·"],
        ["z[0,1]", "2", "0.250", "−0.001"],
    ]
    for line in (LINEAR.formula, *LINEAR.examples, *LINEAR.shapes, *LINEAR.without, "a note"):
        assert line in shown


def test_a_larger_one_is_a_heat_map_whose_signs_are_read_without_colour() -> None:
    lines = page(square(12)).splitlines()
    rows = [line.strip() for line in lines if line.strip().startswith("z[")]
    assert rows[0] == "z[0] ++ − · · · · · · · · · ·"
    assert rows[11] == "z[11]  · · · · · · · · · · ·++"
    # and its block beneath, in numbers
    assert [line.split() for line in lines if line.strip().startswith("z[")][12] == ["z[0]", "1", "−0.250"]
    assert any("+ positive   − negative   · zero" in line for line in lines)


def test_up_to_40_by_80_entries_are_shown_one_by_one() -> None:
    wide = replace(square(40), matrix=np.eye(40, 80), argument=Side("x", (80,)))
    lines = page(wide, width=100).splitlines()
    (row,) = [line for line in lines if line.strip().startswith("z[39]")]
    assert row.count("·") == 79
    assert not any("a mark stands for" in line for line in lines)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_large_one_is_folded_and_fits_the_page(width: int) -> None:
    shown = page(square(300), width=width)
    assert "entries: the largest of them" in " ".join(shown.split())
    assert "± both signs in it" in " ".join(shown.split())
    assert max(map(cell_len, shown.splitlines())) <= width


def test_ascii_pages_carry_it_too() -> None:
    page(square(12), LINEAR, encoding="ascii").encode("ascii")


def test_what_is_not_finite_is_marked() -> None:
    matrix = LINEAR.matrix.copy()
    matrix[0, 0] = np.nan
    assert "nan" in page(replace(LINEAR, matrix=matrix))


def test_names_from_the_users_module_are_made_harmless() -> None:
    assert "\x1b" not in page(replace(LINEAR, argument=Side("x\x1b[31m", (1, 3))))
