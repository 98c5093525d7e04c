from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import jax
import ml_dtypes
import numpy as np
import pytest

from gradcheck_cli.report.model import Status
from tests.judge import affine
from tests.judge.hand_made import a_case, a_layer, codes, judge, messages

CASE = affine.case()
DOUT = affine.upstream(CASE)
RIGHT = affine.gradients(CASE, DOUT)


def verdict_with(**changed: Any) -> Any:
    return judge(CASE, {**RIGHT, **changed}, affine.forward, DOUT)


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        ("text", "`db` is a str, expected an array of shape (M=5)"),
        ({"b": 1}, "`db` is a dict, expected an array of shape (M=5)"),
        ((np.ones(2), np.ones(3)), "`db` is a tuple, expected an array of shape (M=5)"),
        (["a", "b"], "`db` is a list, expected an array of shape (M=5)"),
        (object(), "`db` is an object, expected an array of shape (M=5)"),
    ],
)
def test_what_is_no_array(gradient: Any, message: str) -> None:
    verdict = verdict_with(b=gradient)
    assert codes(verdict) == ["GC105"]
    assert messages(verdict) == [message]


def test_a_clean_list_of_numbers_is_judged_and_said() -> None:
    verdict = verdict_with(b=list(RIGHT["b"]))
    assert verdict.status is Status.PASS
    assert verdict.notes == ("`db` is a list of numbers, not an array; its values were judged.",)
    assert codes(verdict_with(b=list(RIGHT["b"] * 2))) == ["GC201"]


def test_jax_arrays() -> None:
    assert verdict_with(b=jax.numpy.asarray(RIGHT["b"])).status is Status.PASS
    assert codes(verdict_with(b=jax.numpy.asarray(RIGHT["b"] * 2))) == ["GC201"]


class TestDtype:
    @pytest.mark.parametrize(
        ("gradient", "part"),
        [
            (RIGHT["b"].astype(complex), "`db` is complex128, but `b` is real (float64); its imaginary part is zero"),
            (RIGHT["b"] + 1j, "`db` is complex128, but `b` is real (float64); its imaginary part is not zero"),
            (RIGHT["b"].astype(np.int64), "`db` is int64, expected float64"),
            (RIGHT["b"] > 0, "`db` is bool, expected float64"),
            (RIGHT["b"].astype(object), "`db` is object, expected float64"),
            (RIGHT["b"].astype(np.float32), "`db` is float32, narrower than `b`, which is float64"),
            (RIGHT["b"].astype(ml_dtypes.bfloat16), "`db` is bfloat16, narrower than `b`, which is float64"),
        ],
    )
    def test_wrong(self, gradient: Any, part: str) -> None:
        verdict = verdict_with(b=gradient)
        assert codes(verdict) == ["GC104"]
        assert messages(verdict) == [part]
        mend = "return its real part, `np.real(db)`: a real argument has a real gradient"
        assert verdict.all_findings[0].mend == (mend if "complex" in part else "make it float64, as `b` is")

    def test_a_narrow_gradient_that_is_also_wrong(self) -> None:
        assert codes(verdict_with(b=2 * RIGHT["b"].astype(np.float32))) == ["GC104", "GC201"]

    def test_a_wider_gradient_is_right(self) -> None:
        case = affine.case(dtype=np.float32)
        dout = affine.upstream(case)
        gradients = affine.gradients(case, dout)
        wide = {**gradients, "b": gradients["b"].astype(np.float64)}
        assert judge(case, wide, affine.forward, dout).status is Status.PASS

    def test_a_layer_that_computes_in_a_narrower_dtype_may_answer_in_it(self) -> None:
        gradients = {**RIGHT, "b": RIGHT["b"].astype(np.float32)}

        def single(*leaves: Any) -> Any:
            return np.asarray(affine.forward(*leaves)).astype(np.float32)

        verdict = judge(CASE, gradients, affine.forward, DOUT, numpy_function=single, differences=False)
        assert verdict.status is Status.PASS
        narrow = judge(CASE, gradients, affine.forward, DOUT, narrowest=np.dtype(np.float32))
        assert narrow.status is Status.PASS
        half = {**RIGHT, "b": RIGHT["b"].astype(np.float16)}
        assert "GC104" in codes(judge(CASE, half, affine.forward, DOUT, narrowest=np.dtype(np.float32)))

    def test_pythons_own_numbers(self) -> None:
        case = a_case({"x": np.asarray(3.0)})
        dout = np.asarray(1.0)
        assert judge(case, {"x": 6.0}, lambda x: x**2, dout).status is Status.PASS
        assert judge(case, {"x": 6}, lambda x: x**2, dout).status is Status.PASS
        assert codes(judge(case, {"x": 6.1}, lambda x: x**2, dout)) == ["GC201"]
        assert codes(judge(case, {"x": np.asarray([6.0])}, lambda x: x**2, dout)) == ["GC101"]


@pytest.mark.parametrize(
    ("name", "unit", "found"), [("relu", True, []), ("relu", False, ["GC104"]), ("hinge_loss", True, ["GC104"])]
)
def test_a_local_derivative_may_be_whole_numbers(name: str, unit: bool, found: list[str]) -> None:
    layer = replace(a_layer(["x"]), name=name, unit_upstream=unit)
    case, ones = a_case({"x": np.array([[-1.0, 2.0], [3.0, -4.0]])}, layer=layer), np.ones((2, 2))
    assert codes(judge(case, {"x": np.full((2, 2), 2)}, lambda x: 2 * x, ones)) == found
    wrong = codes(judge(case, {"x": np.full((2, 2), 3)}, lambda x: 2 * x, ones))
    assert wrong == (found or ["GC201"])


class TestTrees:
    arguments: ClassVar[dict[str, Any]] = {
        "params": {"w": np.arange(6.0).reshape(2, 3), "inner": [np.ones(3), np.arange(2)]},
        "x": np.ones((4, 2)),
    }
    case = a_case(arguments, {"params['w']": ("D", "M"), "params['inner'][0]": ("M",)})
    dout = np.random.default_rng(0).normal(size=(4, 3))

    @staticmethod
    def forward(w: Any, b: Any, x: Any) -> Any:
        return x @ w + b

    def judged(self, params: Any) -> Any:
        dx = self.dout @ self.arguments["params"]["w"].T
        return judge(self.case, {"params": params, "x": dx}, self.forward, self.dout)

    @property
    def dw(self) -> Any:
        return self.arguments["x"].T @ self.dout

    @property
    def db(self) -> Any:
        return self.dout.sum(axis=0)

    @pytest.mark.parametrize("labels", [None, np.zeros(2, jax.dtypes.float0), np.zeros(2)])
    def test_right(self, labels: Any) -> None:
        assert self.judged({"w": self.dw, "inner": [self.db, labels]}).status is Status.PASS
        assert self.judged({"w": self.dw, "inner": (self.db, labels)}).status is Status.PASS

    def test_a_wrong_value_deep_inside(self) -> None:
        verdict = self.judged({"w": self.dw, "inner": [2 * self.db, None]})
        assert verdict.all_findings[0].argument == "params['inner'][0]"
        assert messages(verdict)[0].startswith("`dparams['inner'][0]` is wrong in 3 of 3 elements")

    def test_a_missing_key(self) -> None:
        verdict = self.judged({"W": self.dw, "inner": [self.db, None]})
        assert codes(verdict) == ["GC105"]
        assert messages(verdict) == ["`dparams` has no 'w': it has 'W', 'inner', expected 'inner', 'w'"]

    @pytest.mark.parametrize(("unused", "found"), [(True, []), (False, ["GC105"])])
    def test_a_key_that_is_left_out_may_be_zero(self, unused: bool, found: list[str]) -> None:
        gradients = {
            "params": {"inner": [self.db, None]},
            "x": self.dout @ self.arguments["params"]["w"].T * (not unused),
        }
        forward = (lambda w, b, x: b + np.zeros((4, 1))) if unused else self.forward
        assert codes(judge(self.case, gradients, forward, self.dout)) == found

    def test_a_key_too_many(self) -> None:
        verdict = self.judged({"w": self.dw, "inner": [self.db, None], "v": self.dw})
        assert codes(verdict) == ["GC105"]
        assert messages(verdict) == ["`dparams` has `dparams['v']`, but `params` has nothing there"]

    def test_an_array_in_place_of_the_tree(self) -> None:
        verdict = self.judged(self.dw)
        assert codes(verdict) == ["GC105"]
        assert messages(verdict)[0] == ("`dparams` is an array, expected a container with 'inner', 'w' like `params`")

    def test_a_shorter_list(self) -> None:
        verdict = self.judged({"w": self.dw, "inner": []})
        assert codes(verdict) == ["GC105"]

    def test_none_for_a_branch(self) -> None:
        verdict = self.judged({"w": self.dw, "inner": None})
        assert codes(verdict) == ["GC103"]
        assert verdict.all_findings[0].argument == "params['inner'][0]"


def test_float0_for_a_floating_leaf_is_no_gradient() -> None:
    assert codes(verdict_with(b=np.zeros(5, jax.dtypes.float0))) == ["GC103"]
