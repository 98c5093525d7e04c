"""Hundreds of right backwards with the rounding that real layers have: none may fail, and all must when spoilt."""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest

from gradcheck_cli.layers.layer import BackwardResult
from gradcheck_cli.report.model import Status
from gradcheck_cli.witnesses.gradients import Autodiff
from tests.judge.hand_made import a_case, judge
from tests.judge.noise.numpy_layers import LAYERS, NumpyLayer

TRIALS = 24
WITH_DIFFERENCES = 3


@cache
def programs(layer: NumpyLayer) -> tuple[Any, Any, Any]:
    """The Jacobian, the gradient and the forward in float64: those of all dtypes and trials, compiled once."""
    count = len(layer.inputs(np.random.default_rng(0)))
    jacobian = jax.jit(jax.jacrev(layer.forward, tuple(range(count))))
    return jacobian, jax.jit(lambda dout, *leaves: jax.vjp(layer.forward, *leaves)[1](dout)), jax.jit(layer.forward)


class Oracle:
    """One layer in one dtype."""

    def __init__(self, layer: NumpyLayer, dtype: Any) -> None:
        self.layer, self.dtype = layer, dtype
        self.jacobian, self.gradient, self.forward = programs(layer)

    def autodiff(self, leaves: tuple[np.ndarray, ...], upstream: np.ndarray) -> Autodiff:
        doubles = [leaf.astype(np.float64) for leaf in leaves]
        scales = []
        for jacobian in self.jacobian(*doubles):
            terms = np.asarray(jacobian) * upstream.reshape(upstream.shape + (1,) * (jacobian.ndim - upstream.ndim))
            scales.append(np.sqrt((terms**2).sum(axis=tuple(range(upstream.ndim)))))
        gradients = self.gradient(upstream.astype(np.float64), *doubles)
        return Autodiff(tuple(np.asarray(gradient) for gradient in gradients), tuple(scales))

    def verdict(self, seed: int, spoil: str = "") -> Any:
        rng = np.random.default_rng(seed)
        inputs = {name: value.astype(self.dtype) for name, value in self.layer.inputs(rng).items()}
        case = a_case(inputs, seed=seed)
        leaves = tuple(inputs.values())
        doubles = [leaf.astype(np.float64) for leaf in leaves]
        upstream = np.asarray(rng.normal(size=self.forward(*doubles).shape)).astype(self.dtype)
        gradients = self.layer.backward(upstream, **inputs)
        if spoil:
            at = np.unravel_index(np.argmax(np.abs(gradients[spoil])), gradients[spoil].shape)
            gradients = {**gradients, spoil: self.spoilt(gradients[spoil], at)}

        def perturbed(size: float, seed: int) -> tuple[np.ndarray, ...]:
            noise = np.random.default_rng(seed)
            moved = [leaf * (1 + size * noise.choice([-1.0, 1.0], leaf.shape)) for leaf in doubles]
            return tuple(np.asarray(part) for part in self.gradient(upstream.astype(np.float64), *moved))

        def replay(size: float, seed: int) -> Any:
            noise = np.random.default_rng(seed)
            moved = {
                name: (leaf * (1 + size * noise.choice([-1.0, 1.0], leaf.shape))).astype(self.dtype)
                for name, leaf in zip(inputs, doubles)
            }
            again = self.layer.backward(upstream, **moved)
            if spoil:
                again = {**again, spoil: self.spoilt(again[spoil], at)}
            reference = self.gradient(
                upstream.astype(np.float64), *(leaf.astype(np.float64) for leaf in moved.values())
            )
            return BackwardResult(again), tuple(np.asarray(part) for part in reference)

        return judge(
            case,
            gradients,
            self.forward,
            upstream,
            autodiff=self.autodiff(leaves, upstream),
            narrowest=np.dtype(self.dtype),
            perturbed=perturbed,
            replay=replay,
            differences=seed < WITH_DIFFERENCES,
        )

    def spoilt(self, gradient: np.ndarray, at: tuple[int, ...]) -> np.ndarray:
        """One element off by what the dtype must show."""
        spoilt = gradient.copy()
        relative = {np.float64: 1e-8, np.float32: 1e-2, np.float16: 0.5}[self.dtype]
        spoilt[at] *= 1 + relative * self.layer.conditioning
        return spoilt


HALF = {"affine", "softmax", "softmax loss", "layer norm", "batch norm", "attention", "sigmoid", "bias before norm"}
"""Layers whose right backwards are still right to a few digits in float16."""


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_right_backwards_pass_and_spoilt_ones_fail(layer: NumpyLayer, dtype: Any) -> None:
    if dtype is np.float16 and layer.name not in HALF:
        return
    oracle = Oracle(layer, dtype)
    for seed in range(TRIALS):
        verdict = oracle.verdict(seed)
        assert verdict.status is Status.PASS, (seed, verdict.all_findings, [leaf.why for leaf in verdict.leaves])
    for name in layer.inputs(np.random.default_rng(0)):
        if (layer.name, name) == ("bias before norm", "b"):
            continue  # zero but for rounding: there is nothing to spoil by a factor
        verdict = oracle.verdict(1, spoil=name)
        assert verdict.status is Status.FAIL, name
        assert {finding.argument for finding in verdict.all_findings} == {name}


def test_a_bias_before_a_normalisation_must_be_zero() -> None:
    layer = next(layer for layer in LAYERS if layer.name == "bias before norm")
    oracle = Oracle(layer, np.float64)
    wrong = NumpyLayer(
        layer.name, layer.inputs, layer.forward, lambda dout, **more: {**layer.backward(dout, **more), "b": dout.sum(0)}
    )
    assert oracle.verdict(0).status is Status.PASS
    oracle.layer = wrong
    assert oracle.verdict(0).status is Status.FAIL
