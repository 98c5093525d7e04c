from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from gradcheck_cli.report.model import Status
from tests.judge import affine
from tests.judge.hand_made import a_case, a_layer, answer, codes, judge, messages

CASE = affine.case()
DOUT = affine.upstream(CASE)
RIGHT = affine.gradients(CASE, DOUT)


def verdict_with(**changed: Any) -> Any:
    return judge(CASE, {**RIGHT, **changed}, affine.forward, DOUT)


def test_right_gradients_have_no_finding() -> None:
    verdict = verdict_with()
    assert verdict.status is Status.PASS
    assert verdict.all_findings == ()


@pytest.mark.parametrize(
    ("argument", "gradient", "message"),
    [
        (
            "b",
            DOUT,
            "`db` has shape (N=4, M=5), expected (M=5): sum over N (`.sum(axis=0)`); its values are then right",
        ),
        (
            "b",
            DOUT * 2,
            "`db` has shape (N=4, M=5), expected (M=5): sum over N (`.sum(axis=0)`); its values are then still wrong",
        ),
        (
            "b",
            DOUT.sum(axis=0, keepdims=True),
            "`db` has shape (1, M=5), expected (M=5): it has an axis of size one too many: reshape it (`.reshape(5)`); "
            "its values are then right",
        ),
        (
            "w",
            RIGHT["w"].T,
            "`dw` has shape (M=5, D=6), expected (D=6, M=5): transpose it (`.T`); its values are then right",
        ),
        (
            "x",
            RIGHT["x"].sum(axis=0),
            "`dx` has shape (D=6), expected (N=4, D=6): it is summed over N, although `x` has that axis",
        ),
        (
            "x",
            RIGHT["x"].sum(axis=0, keepdims=True),
            "`dx` has shape (1, D=6), expected (N=4, D=6): it is summed over N, although `x` has that axis",
        ),
        (
            "w",
            float(RIGHT["w"].sum()),
            "`dw` has shape (), expected (D=6, M=5): it is summed over every axis, although `w` has 2",
        ),
        (
            "x",
            RIGHT["x"].reshape(-1),
            "`dx` has shape (24,), expected (N=4, D=6): reshape it (`.reshape(4, 6)`); its values are then right",
        ),
        (
            "b",
            DOUT.sum(axis=1),
            "`db` has shape (N=4), expected (M=5): it has N where `b` has M: sum over N, keep M",
        ),
        (
            "w",
            (CASE.arguments["x"][:, :, None] * DOUT[:, None, :]).transpose(0, 2, 1),
            "`dw` has shape (N=4, M=5, D=6), expected (D=6, M=5): sum over N and transpose (`.sum(axis=0).T`); "
            "its values are then right",
        ),
        ("b", np.zeros((3, 7)), "`db` has shape (3, 7), expected (M=5)"),
    ],
)
def test_wrong_shape_says_the_mend(argument: str, gradient: Any, message: str) -> None:
    verdict = verdict_with(**{argument: gradient})
    assert codes(verdict) == ["GC101"]
    assert messages(verdict) == [message]
    assert verdict.all_findings[0].argument == argument
    statuses = {leaf.received.leaf.name: leaf.status for leaf in verdict.leaves}
    assert statuses.pop(argument) is Status.FAIL
    assert set(statuses.values()) == {Status.PASS}


def test_values_of_the_other_gradients_are_still_judged() -> None:
    verdict = verdict_with(b=DOUT, w=RIGHT["w"] * 2)
    assert sorted(codes(verdict)) == ["GC101", "GC201"]


def test_gradients_in_the_wrong_order() -> None:
    verdict = verdict_with(x=RIGHT["w"], w=RIGHT["x"])
    assert codes(verdict) == ["GC101", "GC101"]
    assert messages(verdict)[0] == (
        "`dx` has shape (D=6, M=5), expected (N=4, D=6): "
        "it looks like `dw`: return the gradients in the order of the arguments"
    )


def test_permuted_axes_of_a_kernel() -> None:
    rng = np.random.default_rng(0)
    case = a_case({"k": rng.normal(size=(2, 3, 4, 5))}, {"k": ("F", "C", "H", "W")})
    dout = rng.normal(size=(2, 3, 4, 5))
    right = {"k": 2 * case.arguments["k"] * dout}
    assert judge(case, right, lambda k: k**2, dout).status is Status.PASS
    verdict = judge(case, {"k": right["k"].transpose(2, 3, 1, 0)}, lambda k: k**2, dout)
    assert messages(verdict) == [
        "`dk` has shape (H=4, W=5, C=3, F=2), expected (F=2, C=3, H=4, W=5): "
        "permute its axes (`.transpose(3, 2, 0, 1)`); its values are then right"
    ]


@pytest.mark.parametrize("right", [True, False])
def test_padding_left_on(right: bool) -> None:
    rng = np.random.default_rng(0)
    case = a_case({"x": rng.normal(size=(5, 7, 4, 3))}, {"x": ("N", "C", "H", "W")})
    dout = rng.normal(size=(5, 7, 4, 3))
    padded = np.pad(2 * dout, ((0, 0), (0, 0), (1, 1), (1, 1))) if right else np.ones((5, 7, 6, 5))
    verdict = judge(case, {"x": padded}, lambda x: 2 * x, dout)
    after = "right" if right else "still wrong"
    assert messages(verdict) == [
        "`dx` has shape (N=5, C=7, 6, 5), expected (N=5, C=7, H=4, W=3): "
        f"it is 1 longer on either side of H and W: cut the padding off; its values are then {after}"
    ]


def test_one_axis_of_another_name() -> None:
    case = a_case({"a": np.ones((5, 4)), "b": np.ones((5, 3))}, {"a": ("N", "P"), "b": ("N", "Q")})
    dout = np.random.default_rng(0).normal(size=(5, 7))

    def forward(a: Any, b: Any) -> Any:
        return jnp.concatenate([a, b], axis=1)

    assert judge(case, {"a": dout[:, :4], "b": dout[:, 4:]}, forward, dout).status is Status.PASS
    verdict = judge(case, {"a": dout[:, :3], "b": dout[:, 3:]}, forward, dout)
    assert messages(verdict)[0] == "`da` has shape (N=5, Q=3), expected (N=5, P=4): it has Q where `a` has P"


def test_sum_over_several_axes() -> None:
    rng = np.random.default_rng(0)
    case = a_case(
        {"x": rng.normal(size=(2, 3, 4, 5)), "b": rng.normal(size=3)}, {"x": ("N", "C", "H", "W"), "b": ("C",)}
    )
    dout = rng.normal(size=(2, 3, 4, 5))

    def forward(x: Any, b: Any) -> Any:
        return x + b[:, None, None]

    verdict = judge(case, {"x": dout, "b": dout}, forward, dout)
    assert messages(verdict) == [
        "`db` has shape (N=2, C=3, H=4, W=5), expected (C=3): "
        "sum over N, H and W (`.sum(axis=(0, 2, 3))`); its values are then right"
    ]


def test_sum_with_kept_axis() -> None:
    case = a_case({"x": np.ones((4, 6)), "b": np.ones((1, 6))}, {"x": ("N", "D"), "b": ("", "D")})
    dout = np.random.default_rng(0).normal(size=(4, 6))
    verdict = judge(case, {"x": dout, "b": dout}, lambda x, b: x + b, dout)
    assert messages(verdict) == [
        "`db` has shape (N=4, D=6), expected (1, D=6): "
        "sum over N (`.sum(axis=0, keepdims=True)`); its values are then right"
    ]


def test_a_broadcast_gradient_is_wrong_even_where_its_values_are_right() -> None:
    dout = np.ones((4, 5))
    right = affine.gradients(CASE, dout)
    verdict = judge(CASE, {**right, "b": np.asarray(4.0)}, affine.forward, dout)
    assert codes(verdict) == ["GC101"]


def test_the_users_own_names_of_gradients() -> None:
    layer = a_layer(("x", "w", "b"), gradient_names={"w": "self.dW"})
    case = affine.case(layer=layer)
    verdict = judge(case, {**RIGHT, "w": RIGHT["w"].T}, affine.forward, DOUT)
    assert messages(verdict)[0].startswith("`self.dW` has shape")


@pytest.mark.parametrize("gone", [None, "absent"])
def test_missing_gradient(gone: Any) -> None:
    gradients = dict(RIGHT)
    if gone is None:
        gradients["b"] = None
    else:
        del gradients["b"]
    verdict = judge(CASE, gradients, affine.forward, DOUT)
    assert codes(verdict) == ["GC103"]
    assert verdict.all_findings[0].argument == "b"


def test_no_gradient_at_all_is_one_finding() -> None:
    verdict = judge(CASE, {}, affine.forward, DOUT)
    assert messages(verdict) == ["the backward gives no gradient at all: `dx`, `dw` and `db` are missing"]
    assert all(leaf.status is Status.FAIL for leaf in verdict.leaves)


def test_none_is_right_where_the_gradient_is_zero() -> None:
    case = a_case({"x": np.ones(3), "unused": np.ones(2)})
    dout = np.array([1.0, 2.0, 3.0])
    verdict = judge(case, {"x": 2 * dout, "unused": None}, lambda x, unused: x**2 + 0 * unused.sum(), dout)
    assert verdict.status is Status.PASS


class TestCount:
    def test_too_few_names_the_missing_one_by_its_shape(self) -> None:
        backward = answer(CASE, {"x": RIGHT["w"], "w": RIGHT["b"]}, returned=2, expected=3)
        verdict = judge(CASE, backward, affine.forward, DOUT)
        assert messages(verdict) == [
            "the backward returns 2 gradients, expected 3 (`dx`, `dw` and `db`): `dx` is missing"
        ]
        assert [leaf.status for leaf in verdict.leaves] == [Status.FAIL, Status.PASS, Status.PASS]

    def test_too_few_and_wrong_values(self) -> None:
        backward = answer(CASE, {"x": RIGHT["x"] * 2, "w": RIGHT["w"]}, returned=2, expected=3)
        verdict = judge(CASE, backward, affine.forward, DOUT)
        assert sorted(codes(verdict)) == ["GC102", "GC201"]

    def test_too_many(self) -> None:
        backward = answer(CASE, RIGHT, returned=4, expected=3, surplus=(np.ones(2),))
        verdict = judge(CASE, backward, affine.forward, DOUT)
        assert codes(verdict) == ["GC102"]
        assert verdict.status is Status.FAIL

    def test_one_none_too_many_is_no_gradient(self) -> None:
        backward = answer(CASE, RIGHT, returned=4, expected=3, surplus=(None,))
        assert judge(CASE, backward, affine.forward, DOUT).status is Status.PASS

    def test_the_right_count(self) -> None:
        backward = answer(CASE, RIGHT, returned=3, expected=3)
        assert judge(CASE, backward, affine.forward, DOUT).status is Status.PASS

    def test_a_key_that_names_no_argument(self) -> None:
        backward = answer(CASE, {"x": RIGHT["x"], "w": RIGHT["w"]}, unknown=("bias",))
        verdict = judge(CASE, backward, affine.forward, DOUT)
        assert messages(verdict) == ["the backward returns `bias`, which names no argument, and nothing for `b`"]
        assert codes(verdict) == ["GC105"]
