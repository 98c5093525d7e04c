"""`torch.autograd.gradcheck`, as a user would call it on a layer of NumPy code: a `Function` around it, defaults."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.detection.cases import Drawn
from benchmarks.detection.runners.flat import FlatLayer
from benchmarks.detection.runners.outcome import Outcome, Said
from gradcheck_cli.layers.layer import BoundLayer


def torch_full(bound: BoundLayer, draws: Sequence[Drawn]) -> Outcome:
    """The full mode: every element of the Jacobian."""
    return _gradcheck(bound, draws, fast=False)


def torch_fast(bound: BoundLayer, draws: Sequence[Drawn]) -> Outcome:
    """The fast mode: one random direction."""
    return _gradcheck(bound, draws, fast=True)


def _gradcheck(bound: BoundLayer, draws: Sequence[Drawn], *, fast: bool) -> Outcome:
    """Wrong as soon as it says so of one draw; the seconds are those of all draws up to there."""
    import torch

    torch.manual_seed(0)
    started = time.perf_counter()
    said, words = Said.RIGHT, ""
    for drawn in draws:
        flat = FlatLayer(bound, drawn)
        function = _function(flat)
        inputs = [torch.from_numpy(leaf).requires_grad_() for leaf in flat.leaves]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.autograd.gradcheck(function, inputs, fast_mode=fast)
        except Exception as error:  # its own, or what the backward raised inside of it
            said, words = Said.WRONG, f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
            break
    return Outcome(said, time.perf_counter() - started, words)


def _function(flat: FlatLayer) -> Any:
    import torch

    class Layer(torch.autograd.Function):
        """The user's forward and backward, on arrays that share their memory with torch's tensors."""

        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            outputs, ctx.result = flat.forward([tensor.detach().numpy() for tensor in tensors])
            made = tuple(torch.from_numpy(np.asarray(output)) for output in outputs)
            return made if len(made) > 1 else made[0]

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            gradients = flat.backward(ctx.result, [cotangent.detach().numpy() for cotangent in cotangents])
            return tuple(None if gradient is None else torch.from_numpy(gradient) for gradient in gradients)

    return Layer.apply
