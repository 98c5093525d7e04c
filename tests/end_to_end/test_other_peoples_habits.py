"""Habits seen in public code, in small modules of our own: each right layer passes, and the same layer broken fails."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Report, Status


def check(folder: Path, source: str, name: str = "habit.py") -> Report:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("import numpy as np\n" + dedent(source))
    return check_targets([Target(path)], CheckOptions(InputOptions(draws=2), Settings(shrink=False)))


def only(report: Report) -> LayerReport:
    assert not report.errors, report.errors
    assert len(report.layers) == 1, [layer.name for layer in report.layers]
    return report.layers[0]


def codes(layer: LayerReport) -> set[str]:
    return {finding.code for finding in layer.findings}


HABITS = {
    "a loss that keeps its gradient": (
        """
        def mse_forward(x, y):
            difference = x - y
            gradient = 2 * difference / x.size
            return np.mean(difference**2), gradient

        def mse_backward(d_loss, gradient):
            return d_loss * gradient
        """,
        "2 * difference",
        "3 * difference",
    ),
    "a flag that is named like a gradient": (
        """
        class Square:
            def forward(self, X, retain_derived=True):
                self.X = X
                return X**2

            def backward(self, dLdY, retain_grads=True):
                return 2 * self.X * dLdY
        """,
        "2 * self.X",
        "self.X",
    ),
    "groups that divide the channels": (
        """
        def groupnorm_forward(x, gamma, G):
            '''
            - x: input, of shape (N, C, H, W)
            - gamma: scale, of shape (1, C, 1, 1)
            - G: integer, the number of groups, a divisor of C
            '''
            N, C, H, W = x.shape
            grouped = x.reshape(N * G, -1)
            mean = grouped.mean(axis=1, keepdims=True)
            deviation = np.sqrt(grouped.var(axis=1, keepdims=True) + 1e-5)
            normal = ((grouped - mean) / deviation).reshape(x.shape)
            return gamma * normal, (gamma, normal, deviation, G)

        def groupnorm_backward(dout, cache):
            gamma, normal, deviation, G = cache
            N, C, H, W = dout.shape
            dgamma = np.sum(dout * normal, axis=(0, 2, 3), keepdims=True)
            d = (dout * gamma).reshape(N, G, C // G, H, W).reshape(N * G, -1)
            hat = normal.reshape(N * G, -1)
            dx = (d - d.mean(1, keepdims=True) - hat * (d * hat).mean(1, keepdims=True)) / deviation
            return dx.reshape(dout.shape), dgamma
        """,
        "- hat * (d",
        "+ hat * (d",
    ),
    "labels that are 0 or 1": (
        """
        class SigmoidWithLoss:
            def forward(self, x, t):
                self.t, self.y = t, 1 / (1 + np.exp(-x))
                both = np.c_[1 - self.y, self.y]
                return -np.sum(np.log(both[np.arange(len(t)), t])) / len(t)

            def backward(self, dout=1):
                return (self.y - self.t) * dout / len(self.t)
        """,
        "/ len(self.t)",
        "",
    ),
    "one-hot targets beside activations": (
        """
        class CrossEntropyLoss:
            def forward(self, A, Y):
                self.Y = Y
                self.softmax = np.exp(A) / np.sum(np.exp(A), axis=1, keepdims=True)
                return np.sum(-Y * np.log(self.softmax)) / A.shape[0]

            def backward(self):
                return (self.softmax - self.Y) / self.Y.shape[0]
        """,
        " / self.Y.shape[0]",
        "",
    ),
    "a window's size given as a kernel": (
        """
        class MeanPool:
            def __init__(self, kernel):
                self.kernel = kernel

            def forward(self, A):
                self.shape = N, C, W, H = A.shape
                Z = np.zeros((N, C, W - self.kernel + 1, H - self.kernel + 1))
                for w in range(Z.shape[2]):
                    for h in range(Z.shape[3]):
                        Z[:, :, w, h] = A[:, :, w : w + self.kernel, h : h + self.kernel].mean(axis=(2, 3))
                return Z

            def backward(self, dLdZ):
                dLdA = np.zeros(self.shape)
                for w in range(dLdZ.shape[2]):
                    for h in range(dLdZ.shape[3]):
                        part = dLdZ[:, :, w, h][:, :, None, None] / self.kernel**2
                        dLdA[:, :, w : w + self.kernel, h : h + self.kernel] += part
                return dLdA
        """,
        "+= part",
        "= part",
    ),
    "windows that overlap, where the forward has a default": (
        """
        def pool_forward(x, pool_param):
            '''
            - x: input, of shape (N, C, H, W)
            - pool_param: dictionary with the following keys:
              - 'pool_height': the height of a window
              - 'stride': the distance between windows
            '''
            size, stride = pool_param.get("pool_height", 2), pool_param.get("stride", 2)
            N, C, H, W = x.shape
            out = np.zeros((N, C, (H - size) // stride + 1, (W - size) // stride + 1))
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    a, b = i * stride, j * stride
                    out[:, :, i, j] = x[:, :, a : a + size, b : b + size].sum(axis=(2, 3))
            return out, (x.shape, size, stride)

        def pool_backward(dout, cache):
            shape, size, stride = cache
            dx = np.zeros(shape)
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    a, b = i * stride, j * stride
                    dx[:, :, a : a + size, b : b + size] += dout[:, :, i, j][:, :, None, None]
            return dx
        """,
        "+= dout",
        "= dout",
    ),
    "a list of arrays": (
        """
        class Multiply:
            def forward(self, X):
                '''
                Parameters
                ----------
                X : list of length `n_inputs`
                    A list of tensors, all of the same shape.
                '''
                self.X = X
                return np.prod(np.stack(X), axis=0)

            def backward(self, dLdY):
                whole = np.prod(np.stack(self.X), axis=0)
                return [dLdY * whole / x for x in self.X]
        """,
        "whole / x",
        "whole",
    ),
    "gates beside a candidate": (
        """
        def gate_forward(x, prev_h, Wx, Wh, b, Wxt, Wht, bt):
            N, H = prev_h.shape
            gates = 1 / (1 + np.exp(-(x @ Wx + prev_h @ Wh + b)))
            update, reset = gates[:, :H], gates[:, H:]
            candidate = np.tanh(x @ Wxt + (reset * prev_h) @ Wht + bt)
            h = update * prev_h + (1 - update) * candidate
            return h, (x, prev_h, Wx, Wh, Wxt, Wht, update, reset, candidate)

        def gate_backward(dh, cache):
            x, prev_h, Wx, Wh, Wxt, Wht, update, reset, candidate = cache
            dprev_h = dh * update
            dcandidate = dh * (1 - update) * (1 - candidate**2)
            dmixed = dcandidate @ Wht.T
            dupdate = dh * (prev_h - candidate) * update * (1 - update)
            dreset = dmixed * prev_h * reset * (1 - reset)
            dgates = np.hstack([dupdate, dreset])
            dprev_h = dprev_h + dmixed * reset + dgates @ Wh.T
            return (dgates @ Wx.T + dcandidate @ Wxt.T, dprev_h, x.T @ dgates, prev_h.T @ dgates, dgates.sum(0),
                    x.T @ dcandidate, (reset * prev_h).T @ dcandidate, dcandidate.sum(0))
        """,
        "+ dmixed * reset",
        "",
    ),
    "buffers, gradients that accumulate, and an interface's arguments": (
        """
        class Dense:
            def __init__(self, n_in, n_out):
                self.w, self.x = np.random.randn(n_in, n_out), np.zeros(n_in)
                self.grad_w, self.grad_x = np.zeros((n_in, n_out)), np.zeros(n_in)

            def forward(self, x, *args, **kwargs):
                self.x = x
                return x @ self.w

            def backward(self, grad_y, *args, **kwargs):
                self.grad_w += self.x.T @ grad_y
                self.grad_x = grad_y @ self.w.T
                return self.grad_x

            def zero_grad(self):
                self.grad_w = np.zeros_like(self.grad_w)
        """,
        "+= self.x.T @ grad_y",
        "+= 2 * self.x.T @ grad_y",
    ),
    "widths that a model fixes": (
        """
        class Linear:
            def __init__(self, n_in, n_out):
                self.W, self.dW = np.zeros((n_in, n_out)), None

            def forward(self, x):
                self.x = x
                return x @ self.W

            def backward(self, dout):
                self.dW = self.x.T @ dout
                return dout @ self.W.T

        class Model:
            def __init__(self):
                self.layers = [Linear(2, 3), Linear(3, 2)]

            def forward(self, x):
                for layer in self.layers:
                    x = layer.forward(x)
                return x

            def backward(self, dout):
                for layer in reversed(self.layers):
                    dout = layer.backward(dout)
                return dout
        """,
        "self.dW = self.x.T @ dout",
        "self.dW = 2 * self.x.T @ dout",
    ),
}


@pytest.mark.parametrize("habit", HABITS)
def test_a_habit_is_followed(habit: str, tmp_path: Path) -> None:
    source, right, wrong = HABITS[habit]
    assert source.count(right) >= 1
    report = check(tmp_path / "right", source)
    assert report.passed, [(layer.name, layer.status, layer.findings) for layer in report.layers] or report.notes
    broken = check(tmp_path / "wrong", source.replace(right, wrong))
    assert Status.FAIL in {layer.status for layer in broken.layers}, broken.layers


def test_a_module_finds_what_lies_at_the_root_of_its_repository(tmp_path: Path) -> None:
    (tmp_path / "setup.py").touch()
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "functions.py").write_text("import numpy as np\ndef double(x):\n    return 2 * x\n")
    source = """
    from common.functions import double

    def twice_forward(x):
        return double(x), None

    def twice_backward(dout, cache):
        return FACTOR * dout
    """
    right = only(check(tmp_path, source.replace("FACTOR", "2"), "ch01/layers.py"))
    assert right.status is Status.PASS
    assert "autodiff" in right.witnesses
    assert only(check(tmp_path, source.replace("FACTOR", "3"), "ch02/layers.py")).status is Status.FAIL


def test_a_module_that_lies_in_two_places_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "setup.py").touch()
    for folder in ("one", "two"):
        (tmp_path / folder / "shared").mkdir(parents=True)
        (tmp_path / folder / "shared" / "__init__.py").write_text("value = 1\n")
    report = check(
        tmp_path,
        "from shared import value\ndef f_forward(x):\n    return x, 1\ndef f_backward(dout, cache):\n    return dout\n",
        "three/layers.py",
    )
    assert [finding.code for finding in report.errors] == ["GC501"]
    assert "PYTHONPATH=" in str(report.errors[0].mend)


def test_what_is_no_layer_is_a_note(tmp_path: Path) -> None:
    report = check(
        tmp_path,
        """
        class Activation:
            def forward(self, x):
                self.x = x
                return self.function(x)

            def backward(self, dout):
                return self.derivative(self.x) * dout

            def function(self, x):
                raise NotImplementedError

            def derivative(self, x):
                raise NotImplementedError()

        class Cube(Activation):
            def function(self, x):
                return x**3

            def derivative(self, x):
                return 3 * x**2

        def _pool_forward(x, reduce):
            return reduce(x), x.shape

        def _pool_backward(dout, cache):
            return np.broadcast_to(dout, cache)
        """,
    )
    assert [layer.name for layer in report.layers] == ["Cube"]
    assert report.passed
    assert any("`Activation`" in note for note in report.notes)
    assert any("handed a function (`reduce`)" in note for note in report.notes)


def test_a_backward_made_by_jax_is_none_of_the_users(tmp_path: Path) -> None:
    report = check(
        tmp_path,
        """
        import jax

        def _energy(x, scale):
            return jax.numpy.sum(x**2) / scale

        energy_vmap = jax.vmap(_energy, in_axes=(1, None))
        energy_grad_vmap = jax.vmap(jax.grad(_energy), in_axes=(1, None))
        """,
    )
    assert report.layers == ()
    assert any("automatic differentiation" in note for note in report.notes)


def test_a_rule_without_a_gradient_for_a_scalar_lacks_it(tmp_path: Path) -> None:
    layer = only(
        check(
            tmp_path,
            """
            import jax
            import jax.numpy as jnp

            @jax.custom_vjp
            def soft(x: jnp.ndarray, gamma: float) -> jnp.ndarray:
                return gamma * jnp.log(jnp.sum(jnp.exp(x / gamma)))

            def soft_fwd(x, gamma):
                return soft(x, gamma), (x, gamma)

            def soft_bwd(residuals, g):
                x, gamma = residuals
                return g * jnp.exp(x / gamma) / jnp.sum(jnp.exp(x / gamma)), None

            soft.defvjp(soft_fwd, soft_bwd)
            """,
        )
    )
    assert layer.status is Status.FAIL
    assert codes(layer) == {"GC103"}


def test_what_no_shape_mends_is_said(tmp_path: Path) -> None:
    layer = only(
        check(
            tmp_path,
            "def f_forward(x, w):\n    return mising(x, w), 1\ndef f_backward(dout, cache):\n    return dout, 1\n",
        )
    )
    assert layer.status is Status.ERROR
    assert "name 'mising' is not defined" in layer.findings[0].message


def test_a_layers_own_dtype_is_drawn(tmp_path: Path) -> None:
    source = """
    from gradcheck_cli import layer

    def forward(table):
        assert table.dtype == np.float32
        return table[[0, 1, 0]], table.shape

    def backward(dout, shape):
        out = np.zeros(shape, np.float32)
        np.add.at(out, [0, 1, 0], dout)
        return FACTOR * out

    def reference(table):
        return table[[0, 1, 0]]

    rows = layer(forward=forward, backward=backward, reference=reference, inputs={"table": "4,D"}, dtype="float32")
    """
    assert only(check(tmp_path / "right", source.replace("FACTOR", "1"))).status is Status.PASS
    assert only(check(tmp_path / "wrong", source.replace("FACTOR", "2"))).status is Status.FAIL


def test_parameters_made_in_the_forward_are_spoken_of(tmp_path: Path) -> None:
    layer = only(
        check(
            tmp_path,
            """
            class Dense:
                def __init__(self, n_out):
                    self.n_out, self.params, self.grads = n_out, {"W": None}, {"W": None}

                def forward(self, x):
                    if self.params["W"] is None:
                        self.params["W"] = np.random.randn(x.shape[1], self.n_out)
                    self.x = x
                    return x @ self.params["W"]

                def backward(self, dout):
                    self.grads["W"] = self.x.T @ dout
                    return dout @ self.params["W"].T
            """,
        )
    )
    assert layer.status is Status.PASS
    assert any("made in its forward" in note for note in layer.notes)
