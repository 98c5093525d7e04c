"""Every function, method and ufunc of NumPy that takes the array as it comes: followed, with NumPy's own values.

The traced program is run beside the input that it was traced at: there a result that follows its input agrees with
NumPy to rounding, and one that was cut off stays where it was.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pytest

from gradcheck_cli.layers.leaves import walk
from gradcheck_cli.tracing.dual import DualArray, new, tracer_of
from gradcheck_cli.tracing.namespace import dual_of
from gradcheck_cli.tracing.recorder import Recorder, TraceError, recording
from tests.compiled import compiled

NOT_NUMERIC = {
    "array2string", "array_repr", "array_str", "bmat", "byte_bounds", "common_type", "disp", "empty", "empty_like",
    "fastCopyAndTranspose", "fromfile", "fromstring", "genfromtxt", "info", "is_busday", "load", "loadtxt",
    "lookfor", "maximum_sctype", "min_scalar_type", "mintypecode", "printoptions", "result_type", "save", "savetxt",
    "savez", "savez_compressed", "setbufsize", "seterr", "seterrcall", "show_config", "show_runtime", "source",
    "test", "who",
}  # fmt: skip
"""Functions that give texts, dtypes and files."""

UNFOLLOWED = {
    "broadcast_arrays", "setxor1d", "unique_all", "unique_counts", "unique_inverse", "unique_values", "linalg.lstsq",
}  # fmt: skip
"""What JAX cannot follow: an error with the line, never a wrong number."""

TABLES_OF_QUANTILES = {(f"{nan}{name}", "x, y") for nan in ("", "nan") for name in ("quantile", "percentile")}
"""JAX takes a list of quantiles, not a table of them."""

WRITES_INTO_ITS_SECOND = {"divmod", "frexp", "modf", "fix", "isneginf", "isposinf", "put", "copyto"}

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0.2, 0.9, (3, 4)), RNG.uniform(0.2, 0.9, (3, 4))
SQUARE = X[:, :3] @ X[:, :3].T + np.eye(3)
OTHER = SQUARE + np.diag([1.0, 2.0, 3.0])
DUAL = dual_of(np)
BESIDE = 1e-6
TOGETHER = 100


def calls(prefix):
    real, dual = (np, DUAL) if not prefix else (getattr(np, prefix), getattr(DUAL, prefix))
    first, second = (SQUARE, OTHER) if prefix == "linalg" else (X, Y)
    for name in dir(real):
        function = getattr(real, name)
        full = f"{prefix}.{name}" if prefix else name
        if name.startswith("_") or not callable(function) or isinstance(function, type) or name in NOT_NUMERIC:
            continue
        mine = getattr(dual, name)
        yield full, "x", function, mine, (first,)
        if name not in WRITES_INTO_ITS_SECOND:
            yield full, "x, y", function, mine, (first, second)
        yield full, "x, 1", function, mine, (first, 1)
        yield full, "[x, y]", lambda a, b, f=function: f([a, b]), lambda a, b, f=mine: f([a, b]), (first, second)


def methods():
    for name in dir(np.ndarray):
        if name.startswith("_") or name in ("ctypes", "data", "item", "tolist") or not hasattr(DualArray, name):
            continue

        def get(array, name=name):
            found = getattr(array, name)
            return found() if callable(found) else found

        yield f"ndarray.{name}", "", get, get, (X,)


def outcomes(calls):
    """For each: 'skipped' where NumPy itself refuses, 'unfollowed', 'followed', or what is wrong.

    What was traced is compiled many at a time: each program by itself takes as long as thirty together.
    """
    found = {key: traced(*call) for key, call in calls.items()}
    waiting = [(key, what) for key, what in found.items() if not isinstance(what, str)]
    for start in range(0, len(waiting), TOGETHER):
        some = waiting[start : start + TOGETHER]
        several = compiled(
            lambda them, some=some: [
                jax.core.eval_jaxpr(what.jaxpr.jaxpr, what.jaxpr.consts, *arrays)
                for (_, what), arrays in zip(some, them)
            ],
            [what.arrays for _, what in some],
        )
        for (key, what), got in zip(some, several):
            found[key] = compared(got, what.expected)
    return found


@dataclass
class Traced:
    """One call that was followed: its program, where it is to be run, and what NumPy gives there."""

    jaxpr: Any
    arrays: list[Any]
    expected: list[Any]


def traced(function, dual, arguments):
    """`Traced`, or why there is nothing to compare."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = function(*(copied(a) for a in arguments))
            moved = [a * (1 + BESIDE) if isinstance(a, np.ndarray) else a for a in arguments]
            beside = function(*(copied(a) for a in moved))
    except Exception:
        return "skipped"
    arrays = [a for a in arguments if isinstance(a, np.ndarray)]

    def program(*tracers):
        left = iter(tracers)
        duals = [new(a.copy(), next(left)) if isinstance(a, np.ndarray) else a for a in arguments]
        return [tracer_of(leaf) if isinstance(leaf, DualArray) else np.asarray(leaf) for _, leaf in walk(dual(*duals))]

    numeric = [np.asarray(leaf) for _, leaf in walk(expected)]
    if any(leaf.dtype.kind not in "fciub" for leaf in numeric):
        return "skipped"
    try:
        with recording(Recorder(frozenset(), limit=10**6)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            jaxpr = jax.make_jaxpr(program)(*arrays)
    except TraceError:
        return "unfollowed"
    return Traced(jaxpr, [a * (1 + BESIDE) for a in arrays], [np.asarray(leaf) for _, leaf in walk(beside)])


def compared(got, leaves):
    if [leaf.shape for leaf in leaves] != [np.shape(leaf) for leaf in got]:
        return "other shapes"
    for mine, theirs in zip(got, leaves):
        if not np.allclose(mine, theirs, rtol=1e-10, atol=1e-13, equal_nan=True):
            return f"{np.ravel(mine)[:3]} where NumPy gives {np.ravel(theirs)[:3]}"
    return "followed"


def copied(item):
    return item.copy() if isinstance(item, np.ndarray) else item


@pytest.mark.parametrize("part", ["", "linalg", "fft", "methods"])
def test_numpy_is_followed(part):
    results = outcomes({(name, how): call for name, how, *call in (methods() if part == "methods" else calls(part))})
    wrong = {key: text for key, text in results.items() if text not in ("skipped", "followed", "unfollowed")}
    unfollowed = {key for key, text in results.items() if text == "unfollowed" and key[0] not in UNFOLLOWED}
    assert not wrong
    assert not unfollowed - TABLES_OF_QUANTILES
    assert (
        sum(text == "followed" for text in results.values()) > {"": 300, "linalg": 30, "fft": 20, "methods": 25}[part]
    )


def test_a_cut_is_seen():
    """The same test on a function that reads bare numbers: what it gives does not follow its input."""
    cut = np.exp, lambda x: DUAL.exp(x) * 0 + np.exp(x.value), (X,)
    found = outcomes({"cut": cut, "whole": (np.exp, DUAL.exp, (X,))})
    assert "where NumPy gives" in found["cut"]
    assert found["whole"] == "followed"
