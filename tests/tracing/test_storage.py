"""The memory model: whatever views are taken of a buffer and written through, tracer and value stay the same."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck_cli.tracing.dual import new
from gradcheck_cli.tracing.storage import Storage

VIEWS = {
    "whole": lambda a: a[...],
    "row": lambda a: a[1] if a.ndim else a,
    "last column": lambda a: a[..., -1:] if a.ndim else a,
    "transposed": lambda a: a.T,
    "reversed": lambda a: a[::-1] if a.ndim else a,
    "every other": lambda a: a[..., ::2] if a.ndim else a,
    "flat": lambda a: a.reshape(-1),
    "ravel": lambda a: np.ravel(a),
    "new axis": lambda a: a[None],
    "halves swapped": lambda a: a.reshape(2, -1) if a.size % 2 == 0 else a,
    "broadcast": lambda a: np.broadcast_to(a, (2, *a.shape)),
    "moved": lambda a: np.moveaxis(a, 0, -1) if a.ndim else a,
    "diagonal": lambda a: np.diagonal(a) if a.ndim >= 2 else a,
    "squeezed": lambda a: np.squeeze(a),
}


def settle(dual):
    return np.asarray(dual.tracer)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(sorted(VIEWS)), max_size=3), min_size=1, max_size=4), st.integers(0, 10**6))
def test_views_and_writes_follow_numpy(chains, seed):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(4, 2, 3))
    dual, plain = new(base.copy(), jnp.asarray(base)), base.copy()
    for chain in chains:
        seen, view = dual, plain
        for name in chain:
            if view.shape[:1] == (1,) and name == "row":
                continue
            seen, view = VIEWS[name](seen), VIEWS[name](view)
        np.testing.assert_array_equal(seen.value, view)
        np.testing.assert_array_equal(settle(seen), view)
        if view.flags.writeable and view.ndim:
            item = rng.normal(size=view.shape)
            seen[...] = new(item.copy(), jnp.asarray(item))
            view[...] = item
            index = rng.integers(0, view.shape[0])
            seen[index] *= 2.0
            view[index] *= 2.0
        np.testing.assert_array_equal(dual.value, plain)
        np.testing.assert_array_equal(settle(dual), plain)


def test_pending_writes_are_read_in_order():
    dual = new(np.zeros(5), jnp.zeros(5))
    one, two = new(np.ones(3), jnp.ones(3)), new(np.full(2, 2.0), jnp.full(2, 2.0))
    dual[1:4] = one
    dual[2:4] = two
    dual[4] = 7.0
    np.testing.assert_array_equal(settle(dual), [0, 1, 2, 2, 7])


def test_a_loop_of_writes_is_one_gather():
    def program(x):
        out = new(np.zeros(64), jnp.zeros(64))
        dual = new(np.zeros(64), x)
        for position in range(64):
            out[position] = dual[63 - position]
        return out.tracer

    names = [equation.primitive.name for equation in jax.make_jaxpr(program)(np.zeros(64)).eqns]
    assert names.count("concatenate") == 1
    assert "scatter" not in names


@pytest.mark.parametrize("take", [lambda a: a[1:, ::2], lambda a: a.T[1:3], lambda a: a[::-1, 1], lambda a: a[None, 2]])
def test_ordinary_views_are_slices_not_gathers(take):
    base = np.arange(12.0).reshape(3, 4)
    storage = Storage(base, jnp.asarray(base))
    jaxpr = jax.make_jaxpr(lambda t: Storage(base, t).read(take(base)))(base)
    assert "gather" not in [equation.primitive.name for equation in jaxpr.eqns]
    np.testing.assert_array_equal(storage.read(take(base)), take(base))


def test_positions_of_overlapping_windows():
    base = np.arange(6.0)
    storage = Storage(base, None)
    windows = np.lib.stride_tricks.sliding_window_view(base, 3)
    np.testing.assert_array_equal(storage.positions(windows), [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]])


def test_views_of_other_memory_are_not_owned():
    base = np.zeros(6)
    assert Storage(base, None).owns(base[2:])
    assert not Storage(base, None).owns(base.copy())
