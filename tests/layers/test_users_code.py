from __future__ import annotations

import sys
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.users_code import PassThrough, Place, describe, run, users_code


def test_the_users_own_error_comes_with_its_line_and_the_inputs_shapes(write: Any) -> None:
    written = write(
        """
        def helper(x, w):
            return x.dot(w)
        def affine_forward(x, w):
            return helper(x, w), (x, w)
        def affine_backward(dout, cache):
            return dout, dout
        """
    )
    with pytest.raises(UserError) as caught:
        written.run("affine", x=np.ones((4, 5)), w=np.ones((6, 3)))
    error = caught.value
    assert error.code == "GC502"
    assert "`affine_forward` raised ValueError: shapes (4,5) and (6,3) not aligned" in error.message
    assert "x (4, 5) float64, w (6, 3) float64" in error.message
    assert (error.path, error.line) == (written.module.path, 4)
    assert isinstance(error.__cause__, ValueError)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise SystemExit(3)", "called `sys.exit(3)`"),
        ("return x_forward(x)", "RecursionError"),
        ("raise NotImplementedError", "raised NotImplementedError"),
        ("raise BaseException('odd')", "BaseException: odd"),
        ("import not_there", "No module named 'not_there'"),
        ("raise KeyError('w')", "KeyError: 'w'"),
    ],
)
def test_every_exception_is_an_error_of_ours(write: Any, body: str, says: str) -> None:
    written = write(f"def x_forward(x):\n    {body}\ndef x_backward(dout, x):\n    return dout\n")
    with pytest.raises(UserError) as caught:
        written.run("x", x=np.ones(3))
    assert says in caught.value.message
    assert caught.value.line == 3


def place() -> Place:
    return Place(Path(__file__), Path(__file__).parent)


@pytest.mark.parametrize("error", [KeyboardInterrupt, PassThrough, UserError("mine")])
def test_what_is_not_the_users_error_passes(error: Any) -> None:
    def raises() -> None:
        raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        run(raises, (), {}, what="f", place=place(), line=1, inputs={})


def test_floating_point_warnings_are_not_printed() -> None:
    def divides() -> Any:
        warnings.warn("mine", stacklevel=1)
        return np.ones(2) / np.zeros(2)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = run(divides, (), {}, what="f", place=place(), line=1, inputs={})
    assert np.isinf(found).all()


@pytest.mark.parametrize("raises", [False, True])
def test_a_layer_cannot_lower_the_recursion_limit_of_what_checks_it(raises: bool) -> None:
    before = sys.getrecursionlimit()

    def lowers() -> None:
        sys.setrecursionlimit(before - 1)
        assert not raises

    try:
        for call in (_in_one_call, _in_a_block):
            with pytest.raises(UserError) if raises else nullcontext():
                call(lowers)
            assert sys.getrecursionlimit() == before
    finally:
        sys.setrecursionlimit(before)


def _in_one_call(function: Any) -> None:
    run(function, (), {}, what="f", place=place(), line=1, inputs={})


def _in_a_block(function: Any) -> None:
    with users_code("f", place(), 1):
        function()


def test_an_error_in_a_library_without_a_frame_of_the_user_is_placed_at_the_definition() -> None:
    elsewhere = Place(Path("/nowhere/mylayer.py"), Path("/nowhere"))
    with pytest.raises(UserError) as caught:
        run(np.reshape, (np.ones(3), (2, 2)), {}, what="f", place=elsewhere, line=7, inputs={})
    assert (caught.value.path, caught.value.line) == (elsewhere.path, 7)


def test_inputs_are_described_in_few_words() -> None:
    text = describe({"x": np.ones((2, 3)), "params": {"w": np.ones(4)}, "mode": "train", "k": 3, "f": len})
    assert text == "x (2, 3) float64, params {'w': (4,) float64}, mode 'train', k 3, f builtin_function_or_method"
