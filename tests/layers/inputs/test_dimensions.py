"""Shapes as people write them."""

from __future__ import annotations

import pytest

from gradcheck_cli.layers.inputs.dimensions import evaluate, is_expression, names_in, parse_axis, parse_shape, shown


@pytest.mark.parametrize(
    ("text", "axes"),
    [
        ("(N, D)", ("N", "D")),
        ("(N, C, H, W)", ("N", "C", "H", "W")),
        ("(D,)", ("D",)),
        ("()", ()),
        ("D", ("D",)),
        ("N,D", ("N", "D")),
        ("[N, D]", ("N", "D")),
        ("D x M", ("D", "M")),
        ("N×D", ("N", "D")),
        ("N-by-D", ("N", "D")),
        ("3x4", (3, 4)),
        ("(1, C, 1, 1)", (1, "C", 1, 1)),
        ("(4*H,)", ("4*H",)),
        ("(D, 4H)", ("D", "4*H")),
        ("(N, T + 1, D)", ("N", "T+1", "D")),
        ("(N, d_1, ..., d_k)", ("N", "d_1", "d_2")),
        ("(N, d_1, ... d_k)", ("N", "d_1", "d_2")),
        ("(N, d1, d2, ..., dk)", ("N", "d1", "d2")),
        ("(N, F, H', W')", ("N", "F", "H'", "W'")),
        ("(n_samples, n_features)", ("n_samples", "n_features")),
        ("(batch size, D)", ("batch_size", "D")),
        ("(N, *)", ("N", "...")),
        ("(..., D)", ("...", "D")),
    ],
)
def test_reads_a_shape(text: str, axes: tuple[str | int, ...]) -> None:
    assert parse_shape(text) == axes


@pytest.mark.parametrize(
    "text", ["", "(int)", "an array", "(optional)", "(x; y)", "(see the paper for details)", "(N, !)"]
)
def test_what_is_no_shape_is_none(text: str) -> None:
    assert parse_shape(text) is None


@pytest.mark.parametrize(
    ("axis", "size"),
    [
        ("4*H", 12),
        ("H+1", 4),
        ("H//2", 1),
        ("(H-1)*N", 8),
        ("H**2", 9),
        ("N/2", 2),
        ("H/2", None),
        ("H-3", None),
        ("Q", None),
        (7, 7),
    ],
)
def test_evaluates_an_axis(axis: str | int, size: int | None) -> None:
    assert evaluate(axis, {"H": 3, "N": 4}) == size


def test_nothing_is_ever_executed() -> None:
    assert parse_axis("__import__('os').getcwd()") is None
    assert evaluate("9**9**9**9", {}) is None


def test_names_and_expressions() -> None:
    assert names_in(("N", "4*H", 3, "H+D")) == ("N", "H", "D")
    assert is_expression("4*H")
    assert not is_expression("H")
    assert shown(("N", 3, "4*H"), {"N": 5, "H": 2}) == "(N=5, 3, 4*H=8)"
