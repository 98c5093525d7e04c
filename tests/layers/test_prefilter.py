from __future__ import annotations

import pytest

from gradcheck_cli.layers.prefilter import may_hold_layers


@pytest.mark.parametrize(
    "source",
    [
        "def affine_backward(dout, cache): return dout",
        "class A:\n    def backward(self, dout): return dout",
        "import jax\n@jax.custom_vjp\ndef f(x): return x\n",
        "from jax import custom_jvp\nf = custom_jvp(lambda x: x)",
        "from gradcheck_cli import layer\n",
        "def softmax_loss(x, y):\n    return loss, dx",
        "def f(x):\n    def back(d):\n        return d\n    return x, back\n",
        "def f(x):\n    def g(d):\n        return d\n    return x, g\n",
        "def sigmoid_grad(s): return s",
        "def relu(x): return x\ndef d_relu(x): return x",
        "def relu(x): return x\ndef drelu(x): return x",
        "relu_bwd = partial(f, 1)",
        "def affine_backward(:",
        "def propagate(w, X):\n    cost = 1.0\n    return grads, cost",
        "def propagate(w, X):\n    cost = 1.0\n    return {'dw': X}, cost",
    ],
)
def test_what_may_hold_layers_is_kept(source: str) -> None:
    assert may_hold_layers(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x): return x\n",
        "def main():\n    loss.backward()\n    optimizer.step()\n",
        "def f(x):\n    return x\n",
        "def deco(f):\n    def wrapper(*a):\n        return f(*a)\n    return wrapper\n",
        "x = = 1",
        "def train(model):\n    losses, grads = [], []\n    return model, losses",
        "# about gradients and losses\nprint('backward')",
    ],
)
def test_what_holds_none_is_never_imported(source: str) -> None:
    assert not may_hold_layers(source)
