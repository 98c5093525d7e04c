"""The affine layer that most of these tests judge, with its right gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_cli.layers.case import Case
from tests.judge.hand_made import a_case

DIMENSIONS = {"x": ("N", "D"), "w": ("D", "M"), "b": ("M",)}


def forward(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b


def case(batch: int = 4, *, draw: int = 0, dtype: Any = np.float64, **more: Any) -> Case:
    rng = np.random.default_rng(draw)
    arrays = {"x": rng.normal(size=(batch, 6)), "w": rng.normal(size=(6, 5)), "b": rng.normal(size=5)}
    return a_case({name: array.astype(dtype) for name, array in arrays.items()}, DIMENSIONS, draw=draw, **more)


def upstream(case: Case) -> np.ndarray:
    shape = (case.arguments["x"].shape[0], case.arguments["w"].shape[1])
    return np.random.default_rng(99 + case.draw).normal(size=shape).astype(case.arguments["x"].dtype)


def gradients(case: Case, dout: np.ndarray) -> dict[str, Any]:
    x, w = case.arguments["x"], case.arguments["w"]
    return {"x": dout @ w.T, "w": x.T @ dout, "b": dout.sum(axis=0)}
