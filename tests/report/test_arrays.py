from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.report.arrays import assignment, container_text


class Refuses:
    dtype = np.dtype(float)
    shape = (2,)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("width", [40, 60, 100])
@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).normal(size=(4, 6)),
        np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32),
        np.array([np.nan, -np.inf, 1 / 3, -0.0]),
        np.array([1 + 2j, 1 / 3 - 1j]),
        np.arange(12).reshape(3, 4),
        np.arange(3, dtype=np.int32),
        np.array([True, False]),
        np.array(2.5),
        np.float32(0.1),
        np.zeros((0, 3)),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_a_small_array_can_be_pasted_back_bit_for_bit(array: Any, width: int) -> None:
    text = assignment("x", array, (), width)
    names: dict[str, Any] = {"np": np}
    exec(text, names)
    back = names["x"]
    assert back.dtype == array.dtype
    assert back.shape == np.shape(array)
    assert back.tobytes() == np.asarray(array).tobytes()


def test_lines_keep_to_the_width_where_the_numbers_allow() -> None:
    array = np.random.default_rng(0).normal(size=(4, 6)).round(2)
    for width in (56, 76, 116):
        assert max(map(len, assignment("some_long_name", array, (), width).split("\n"))) <= width


def test_a_large_array_is_described() -> None:
    array = np.linspace(-1.0, 3.0, 200).reshape(20, 10)
    array[0, 0] = np.nan
    text = assignment("w", array, ("D", "M"), 80)
    assert text == "w: float64 (D=20, M=10), from -0.98 to 3, mean 1.01, 1 not finite"


def test_containers_show_small_arrays_and_describe_large_ones() -> None:
    text = container_text({"w": np.array([1.0, 2.0]), "big": np.zeros((10, 10)), "stride": 1, "mode": "train"})
    assert text == (
        "{'w': np.array([1.0, 2.0]), 'big': <float64 (10, 10), from 0 to 0, mean 0>, 'stride': 1, 'mode': 'train'}"
    )


def test_objects_that_refuse_to_be_shown_are_named() -> None:
    assert assignment("x", Refuses(), (), 80) == "x = <Refuses>"
