"""Annotations, evaluated or left as strings."""

from __future__ import annotations

import re
import typing
from typing import Any

import jax
import jaxtyping
import numpy as np
import pytest
from numpy.typing import NDArray

from gradcheck_cli.layers.inputs.annotations import axes_of, read


@pytest.mark.parametrize(
    ("dim_str", "axes"),
    [
        ("batch din", ("batch", "din")),
        ("", ()),
        ("3 n=4 n", (3, 4, "n")),
        ("*batch d", ("batch_1", "batch_2", "d")),
        ("... d", ("batch_1", "batch_2", "d")),
        ("#n ?m _", ("n", "m", "axis_2")),
        ("_cols n", ("axis_0", "n")),
        ("n-1 2*n", ("n-1", "2*n")),
        ("*#batch n", ("batch_1", "batch_2", "n")),
        ("{size} n", ("axis_0", "n")),
        ("a", ("a",)),
    ],
)
def test_dimension_strings(dim_str: str, axes: tuple[str | int, ...]) -> None:
    assert axes_of(dim_str) == axes


@pytest.mark.parametrize(
    ("annotation", "dimensions", "kind", "dtype"),
    [
        (jaxtyping.Float[np.ndarray, "batch din"], ("batch", "din"), "float", ""),
        (jaxtyping.Float32[np.ndarray, "n"], ("n",), "float", "float32"),
        (jaxtyping.Int[np.ndarray, "n"], ("n",), "integer", ""),
        (jaxtyping.Bool[np.ndarray, "n"], ("n",), "boolean", ""),
        (jaxtyping.Complex[np.ndarray, "n"], ("n",), "complex", ""),
        (jaxtyping.BFloat16[np.ndarray, "n"], ("n",), "float", "bfloat16"),
        (jaxtyping.Float[np.ndarray, "n"] | None, ("n",), "float", ""),
        ('Float[Array, "batch din"]', ("batch", "din"), "float", ""),
        ('jt.Int32[jt.Array, ""] | None', (), "integer", "int32"),
        ('Optional[Float["np.ndarray", "b d"]]', ("b", "d"), "float", ""),
        ('Annotated[np.ndarray, ("N", "D")]', ("N", "D"), "", ""),
        (typing.Annotated[np.ndarray, ("N", "D")], ("N", "D"), "", ""),
        ('NDArray[Shape["N, D"], Float]', ("N", "D"), "float", ""),
        (NDArray[np.int64], None, "integer", "int64"),
        ("NDArray[np.float32]", None, "float", "float32"),
        ("NDArray[np.float64]", None, "float", ""),
        (int, None, "config", ""),
        ("bool", None, "config", ""),
        ("dict[str, int]", None, "config", ""),
        ("float", None, "scalar", ""),
        ("float | None", None, "scalar", ""),
        ('Float[Array, "N"] | Array', ("N",), "float", ""),
    ],
)
def test_reads(annotation: Any, dimensions: tuple[str, ...] | None, kind: str, dtype: str) -> None:
    said = read(annotation)
    assert said is not None
    assert (said.dimensions, said.kind, said.dtype) == (dimensions, kind, dtype)


@pytest.mark.parametrize(
    "annotation",
    [
        *(None, np.ndarray, "np.ndarray", "Array", "jax.Array", Any, "no syntax (", object()),
        *(jax.typing.ArrayLike, "ArrayLike", "float | Array", "Union[int, jax.Array]", int | np.ndarray),
    ],
    ids=lambda annotation: re.sub(" at 0x.*", "", repr(annotation)),
)
def test_says_nothing(annotation: Any) -> None:
    assert read(annotation) is None


def test_a_literal_has_choices_and_a_key_is_a_key() -> None:
    assert read('Literal["mean", "sum"]').choices == ("mean", "sum")  # type: ignore[union-attr]
    assert read(jaxtyping.Key[jaxtyping.Array, ""]).key  # type: ignore[union-attr]


def test_a_string_is_never_evaluated() -> None:
    assert read("__import__('os').abort()") is None
