from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.witnesses.conduct.layouts import Layout, first_row, laid_out


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (0, 2)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
def test_the_values_stay_and_the_memory_is_new(layout: Layout, shape: tuple[int, ...], dtype: str) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    other = laid_out(array, layout)
    assert (other.dtype, other.shape) == (array.dtype, array.shape)
    assert np.array_equal(other, array)
    assert not np.shares_memory(other, array)


def test_each_layout_is_what_it_says() -> None:
    array = np.arange(6.0).reshape(2, 3)
    assert laid_out(array, Layout.FORTRAN).flags.f_contiguous
    assert not laid_out(array, Layout.SLICED).flags.contiguous
    assert all(stride < 0 for stride in laid_out(array, Layout.REVERSED).strides)
    assert not laid_out(array, Layout.READ_ONLY).flags.writeable


def test_a_broadcast_view_and_the_same_written_out() -> None:
    upstream = (np.arange(6.0).reshape(2, 3),)
    (view,), (written,) = first_row(upstream, view=True), first_row(upstream, view=False)
    assert view.strides[0] == 0
    assert written.flags.c_contiguous
    assert np.array_equal(view, written)
