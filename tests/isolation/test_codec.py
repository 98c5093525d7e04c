"""What goes over the wire comes back as it was, and nothing but data comes back."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gradcheck_cli.isolation.codec import Codec, Shown, Undecodable
from gradcheck_cli.isolation.messages import CODEC
from gradcheck_cli.report.model import Element, Finding, LayerReport, NamedArray, Status
from tests.report import reports

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())  # lone surrogates too
    | npst.arrays(npst.scalar_dtypes(), npst.array_shapes(min_dims=0, min_side=0, max_side=4))
)
nested = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.just("~"), inner, max_size=4)
    ),
    max_leaves=12,
)


def back(value: Any) -> Any:
    return CODEC.decode(*CODEC.encode(value))


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or repr(one) == repr(other)
    return bool(one == other)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # arrays take long to draw on a busy machine
@given(nested)
def test_plain_data_and_arrays_come_back_as_they_were(value: Any) -> None:
    assert same(back(value), value)


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float16", "complex64", "int8"])
def test_narrow_arrays_and_scalars_keep_their_dtypes(name: str) -> None:
    dtype = np.dtype(getattr(ml_dtypes, name, name))
    array = np.arange(6).reshape(2, 3).astype(dtype)
    assert back(array).dtype == dtype
    assert np.array_equal(back(array).astype(complex), array.astype(complex))
    assert type(back(array[1, 1])) is type(array[1, 1])


def test_arrays_in_any_layout_and_of_objects(tmp_path: Path) -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    for array in (values.T, values[:, ::2], np.broadcast_to(1.0, (3, 4)), values[:0]):
        assert np.array_equal(back(array), array)
        assert back(array).flags.writeable
    objects = np.array([{"a": 1}, None, (1, 2)], dtype=object)
    assert back(objects).tolist() == objects.tolist()
    assert back(tmp_path) == tmp_path


def test_jax_arrays_come_as_numpys() -> None:
    import jax.numpy as jnp

    assert np.array_equal(back(jnp.arange(3)), np.arange(3))


@pytest.mark.parametrize("report", [layer for kind in reports.ALL.values() for layer in kind.layers])
def test_reports_come_back_whole(report: LayerReport) -> None:
    returned = back(report)
    assert isinstance(returned, LayerReport)
    assert CODEC.encode(returned) == CODEC.encode(report)
    assert returned.status is report.status
    for mine, theirs in zip(report.arguments, returned.arguments):
        assert repr(replace(mine, wrong_map=None)) == repr(replace(theirs, wrong_map=None))  # NaN is not itself
        assert (mine.wrong_map is None) == (theirs.wrong_map is None)
        assert mine.wrong_map is None or np.array_equal(mine.wrong_map, theirs.wrong_map)


class Odd:
    def __repr__(self) -> str:
        return "<odd>"


class Worse:
    def __repr__(self) -> str:
        raise RuntimeError

    def __reduce__(self) -> Any:
        raise AssertionError("it was pickled")


def test_an_object_of_the_users_comes_back_as_it_shows_itself() -> None:
    finding = NamedArray("config", {"activation": Odd(), "worse": Worse(), "set": {1}})
    value: Any = back(finding).value
    assert value["activation"] == Shown("Odd", "<odd>")
    assert value["worse"] == Shown("Worse", "<Worse>")
    assert repr(value["set"]) == "{1}"


def test_what_holds_itself_ends() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert isinstance(back(endless), list)


@pytest.mark.parametrize(
    "structure",
    [
        b"{",
        b'{"~": "Popen", "args": ["true"]}',
        b'{"~": "Status", "value": "splendid"}',
        b'{"~": "Finding", "code": "GC201"}',
        b'{"~": "array", "dtype": "<f8", "shape": [2], "at": [0, 8]}',
        b'{"~": "array", "dtype": "<f8", "shape": [-1], "at": [0, 8]}',
        b'{"~": "array", "dtype": "O", "shape": [1], "at": [0, 8]}',
        b'{"~": "array", "dtype": "nothing", "shape": [1], "at": [0, 8]}',
        b'{"~": "array", "dtype": "<f8", "shape": [1], "at": [4, 12]}',
        b'{"~": ["list"]}',
        b'{"~": "dict", "items": [[[1], 2]]}',
        b"[" * 5000,
    ],
)
def test_anything_else_is_refused(structure: bytes) -> None:
    with pytest.raises(Undecodable):
        CODEC.decode(structure, b"\0" * 8)


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_no_bytes_do_more_than_raise(structure: bytes, arrays: bytes) -> None:
    with contextlib.suppress(Undecodable):
        CODEC.decode(structure, arrays)


def test_only_the_types_that_it_was_made_for_come_back() -> None:
    narrow = Codec([Finding])
    element = Element((0,), 1.0, 1.0, 1.0, 0.0, 0.0, 1.0)
    assert isinstance(narrow.decode(*narrow.encode(element)), Shown)
    with pytest.raises(Undecodable):
        narrow.decode(*CODEC.encode(Status.PASS))


def test_the_structure_is_json_without_the_arrays() -> None:
    structure, arrays = CODEC.encode([np.zeros(1000)])
    assert len(structure) < 200
    assert len(arrays) == 8000
    assert json.loads(structure)[0]["shape"] == [1000]
