"""Smooth forwards in plain NumPy whose derivatives are known to rounding, by complex steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TINY = 1e-30


@dataclass(frozen=True)
class Smooth:
    """A forward, its inputs from a generator, and how tight its error bars should be.

    Attributes:
        tight: what the median of error / scale must stay below.
        exact: the same function without what makes it noisy; the forward itself where it is not.
    """

    forward: Callable[..., Any]
    inputs: Callable[[np.random.Generator], Mapping[str, NDArray[Any]]]
    tight: float = 1e-8
    exact: Callable[..., Any] | None = None


def derivatives(
    smooth: Smooth, arguments: Mapping[str, NDArray[Any]], g: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """(gradient, scale) over all elements of all arguments in a row, by complex steps: no subtraction, no error."""
    forward = smooth.exact or smooth.forward
    gradient, scale = [], []
    for name, value in arguments.items():
        for position in range(value.size):
            moved = {key: other.astype(complex) for key, other in arguments.items()}
            moved[name].reshape(-1)[position] += 1j * TINY
            terms = g * np.imag(forward(**moved)) / TINY
            gradient.append(np.sum(terms))
            scale.append(np.sqrt(np.sum(terms**2)))
    return np.array(gradient), np.array(scale)


def normal(rng: np.random.Generator, *shape: int) -> NDArray[Any]:
    return rng.normal(size=shape).round(2)


def wide(rng: np.random.Generator, *shape: int) -> NDArray[Any]:
    return rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(-6, 6, shape)


def softmax(x: Any) -> Any:
    powers = np.exp(x)
    return powers / powers.sum(-1, keepdims=True)


def layer_norm(x: Any, gain: Any, shift: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return gain * centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) + shift


def two(rng: np.random.Generator, size: Callable[..., Any] = normal) -> dict[str, Any]:
    return {"x": size(rng, 4, 5), "w": normal(rng, 5, 3)}


SMOOTH = {
    "affine": Smooth(
        lambda x, w, b: x @ w + b, lambda r: {"x": normal(r, 5, 7), "w": normal(r, 7, 3), "b": normal(r, 3)}
    ),
    "exp": Smooth(lambda x: np.exp(x), lambda r: {"x": normal(r, 4, 5)}),
    "tanh": Smooth(lambda x: np.tanh(x), lambda r: {"x": 2 * normal(r, 4, 5)}),
    "softmax": Smooth(softmax, lambda r: {"x": normal(r, 4, 6)}),
    "layer norm": Smooth(layer_norm, lambda r: {"x": normal(r, 4, 6), "gain": normal(r, 6), "shift": normal(r, 6)}),
    "log": Smooth(lambda x: np.log(x), lambda r: {"x": np.abs(normal(r, 4, 5)) + 0.01}),
    "log of badly scaled": Smooth(lambda x: np.log(x), lambda r: {"x": np.abs(wide(r, 4, 5))}),
    "badly scaled product": Smooth(lambda x, s: x * s, lambda r: {"x": wide(r, 4, 5), "s": normal(r, 4, 5)}),
    "badly scaled matmul": Smooth(lambda x, w: x @ w, lambda r: two(r, wide)),
    "tiny inputs": Smooth(lambda x, w: np.tanh(x @ w), lambda r: two(r, lambda *a: 1e-6 * normal(*a))),
    "huge inputs": Smooth(lambda x, w: np.sin(1e-6 * (x @ w)), lambda r: two(r, lambda *a: 1e6 * normal(*a))),
    "cubes": Smooth(lambda x: x**3, lambda r: {"x": normal(r, 4, 5)}),
    "quick oscillation": Smooth(lambda x: np.sin(50 * x), lambda r: {"x": normal(r, 4, 5)}),
    "oscillation of a matmul": Smooth(lambda x, w: np.sin(50 * (x @ w)), two, tight=1e-7),
    "mean loss": Smooth(
        lambda x: -np.mean(np.log(softmax(x)[np.arange(4), [0, 2, 1, 3]])), lambda r: {"x": normal(r, 4, 6)}
    ),
    "saturated": Smooth(lambda x: 1 / (1 + np.exp(-x)), lambda r: {"x": 12 * normal(r, 4, 5)}, tight=1e-6),
    "float32 inside": Smooth(
        lambda x, w: np.tanh(x.astype(np.float32) @ w.astype(np.float32)),
        two,
        tight=1e-3,
        exact=lambda x, w: np.tanh(x @ w),
    ),
    "float32 inside, by element": Smooth(
        lambda x: np.exp(x.astype(np.float32)), lambda r: {"x": normal(r, 4, 5)}, tight=1e-3, exact=lambda x: np.exp(x)
    ),
    "float16 inside": Smooth(
        lambda x, w: np.tanh((x @ w).astype(np.float16)).astype(float),
        two,
        tight=0.5,
        exact=lambda x, w: np.tanh(x @ w),
    ),
    "under a large constant": Smooth(lambda x: 1e10 + np.sin(x), lambda r: {"x": normal(r, 4, 5)}, tight=0.1),
}
