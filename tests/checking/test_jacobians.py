"""`layer_jacobians` on layers as people write them: what it says of each, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.checking.contents import contents_of
from gradcheck_cli.checking.graphing import function_of
from gradcheck_cli.checking.jacobian_options import JacobianOptions
from gradcheck_cli.checking.jacobians import layer_jacobians
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.reading import read_source
from gradcheck_cli.report.jacobian.model import Jacobian, Jacobians
from tests.thorough import each

X, W = [0.5, -1.25, 2.0], [[0.37, -0.8], [1.5, 0.25], [-0.6, 0.9]]


def of(folder: Path, body: str, name: str, numpy: str = "numpy", **options: Any) -> Jacobians:
    path = folder / "layers.py"
    path.write_text(f"import {numpy} as np\n\n\n{body}")
    module, contents = contents_of(path, read_source(path))
    assert module is not None
    return layer_jacobians(module, function_of(module, contents, name), JacobianOptions(**options))


def only(jacobians: Jacobians, argument: str) -> Jacobian:
    (found,) = [one for one in jacobians.jacobians if one.argument.name == argument]
    return found


LIBRARIES = pytest.mark.parametrize("numpy", each(2, ["numpy", "jax.numpy"]))


@LIBRARIES
def test_example_7_relu(tmp_path: Path, numpy: str) -> None:
    body = 'def relu(x):\n    """x: of shape (M,)"""\n    z = np.maximum(x, 0)\n    return z\n'
    found = only(of(tmp_path, body, "relu", numpy, at={"x": [0.5, -1.0, 2.0, -0.3]}), "x")
    assert found.title == "∂z/∂x"
    assert found.matrix.tolist() == np.diag([1.0, 0, 1, 0]).tolist()
    assert (found.structure.kind, found.structure.notation) == ("diagonal", "diag(I[x > 0])")
    assert found.formula == "∂z_j/∂x_i = I[j = i] I[x_i > 0]"
    assert found.examples == (
        "∂z[0]/∂x[0] = I[x[0] > 0] = 1",
        "∂z[1]/∂x[1] = I[x[1] > 0] = 0",
        "∂z[0]/∂x[1] = 0, for j ≠ i",
    )
    assert found.without == ("∂e/∂x = ∂e/∂z * I[x > 0]",)


@LIBRARIES
def test_example_7_linear(tmp_path: Path, numpy: str) -> None:
    body = 'def linear(x, W):\n    """\n    - x: of shape (1, M)\n    - W: of shape (M, N)\n    """\n'
    found = of(tmp_path, body + "    z = x @ W\n    return z\n", "linear", numpy, at={"x": [X], "W": W})
    by_x, by_w = only(found, "x"), only(found, "W")
    np.testing.assert_allclose(by_x.matrix, np.transpose(W), rtol=1e-12)
    assert by_x.structure.notation == "Wᵀ"
    assert by_x.formula == "∂z_j/∂x_i = W_ij"
    assert by_x.examples == ("∂z[0,0]/∂x[0,1] = W[1,0] = 1.5",)
    assert by_x.shapes == (
        "∂e/∂x (1×M) = ∂e/∂z (1×N) · ∂z/∂x (N×M)",
        "1×3 = 1×2 · 2×3",
        "∂e/∂x (1×M) = ∂e/∂z (1×N) · Wᵀ (N×M)",
    )
    assert by_x.without == ("∂e/∂x = ∂e/∂z · Wᵀ",)
    np.testing.assert_allclose(by_w.matrix, np.kron([X], np.eye(2)), rtol=1e-12)
    assert by_w.structure.notation == "x ⊗ I_N"
    assert by_w.formula == "∂z_k/∂W_ij = I[k = j] x_i"
    assert by_w.examples[0] == "∂z[0,0]/∂W[1,0] = x[0,1] = -1.25"
    assert by_w.without == ("∂e/∂W = xᵀ · ∂e/∂z",)
    assert by_w.shapes[-1] == "∂e/∂W (M×N) = xᵀ (M×1) · ∂e/∂z (1×N)"


AFFINE = '''def affine(x, w, b):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    - b: of shape (M,)
    """
    z = x @ w + b
    return z
'''


@LIBRARIES
def test_a_batch(tmp_path: Path, numpy: str) -> None:
    found = of(tmp_path, AFFINE, "affine", numpy)
    by_x, by_w, by_b = (only(found, name) for name in ("x", "w", "b"))
    assert by_x.structure.notation == "I_N ⊗ wᵀ"
    assert by_x.formula == "∂z_nj/∂x_mi = I[n = m] w_ij"
    assert "∂e/∂x_n (1×D) = ∂e/∂z_n (1×M) · ∂z_n/∂x_n (M×D), n along N" in by_x.shapes
    assert by_x.block is not None
    assert by_x.block.matrix.shape == (found.sizes[2][1], found.sizes[1][1])
    assert (by_w.structure.notation, by_w.formula) == ("x ⊗ I_M", "∂z_kl/∂w_ij = I[l = j] x_ki")
    assert (by_b.structure.notation, by_b.without) == ("1 ⊗ I_M", ("∂e/∂b = sum(∂e/∂z, axis=0)",))


OF_ONE = '''def {name}(x):
    """x: of shape ({shape})"""
{lines}
    return z
'''


@pytest.mark.parametrize(
    "name, shape, lines, kind, notation, without",
    [
        (
            "softmax",
            "N, D",
            "    e = np.exp(x)\n    z = e / e.sum(axis=1, keepdims=True)",
            "blocks",
            "blockdiag(diag(z) - zᵀ z)",
            "∂e/∂x = z * (∂e/∂z - sum(∂e/∂z * z, axis=1, keepdims=True))",
        ),
        (
            "log_softmax",
            "M",
            "    z = x - np.log(np.sum(np.exp(x)))",
            "diagonal and rank one",
            "I - 1 exp(z)",
            "∂e/∂x = ∂e/∂z - exp(z) * sum(∂e/∂z)",
        ),
        (
            "centre",
            "N, D",
            "    z = x - x.mean(axis=0)",
            "kronecker",
            "(I - 1/N 1 1ᵀ) ⊗ I_D",
            "∂e/∂x = ∂e/∂z - mean(∂e/∂z, axis=0, keepdims=True)",
        ),
        ("transpose", "N, D", "    z = x.T", "permutation", "", "∂e/∂x = ∂e/∂zᵀ"),
        ("flatten", "N, C, L", "    z = x.reshape(len(x), -1)", "identity", "I", "∂e/∂x = reshape(∂e/∂z, (N, C, L))"),
        ("sigmoid", "M", "    z = 1 / (1 + np.exp(-x))", "diagonal", "diag(z (1 - z))", "∂e/∂x = ∂e/∂z * z * (1 - z)"),
        ("total", "N, D", "    z = x.sum(axis=1)", "sum", "I_N ⊗ 1ᵀ", "∂e/∂x = ∂e/∂z[:, None], copied along D"),
        ("mean", "N, D", "    z = x.mean(axis=0)", "sum", "1/N (1ᵀ ⊗ I_D)", "∂e/∂x = 1/N ∂e/∂z, copied along N"),
        (
            "running",
            "M",
            "    z = np.cumsum(x)",
            "triangular",
            "L of ones",
            "∂e/∂x = flip(cumsum(flip(∂e/∂z)))",
        ),
        (
            "standard",
            "N, D",
            "    z = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)",
            "blocks",
            "blockdiag(s (I - 1/N 1 1ᵀ - 1/N zᵀ z))",
            None,
        ),
    ],
)
@LIBRARIES
def test_layers_of_one_argument(
    tmp_path: Path, numpy: str, name: str, shape: str, lines: str, kind: str, notation: str, without: str | None
) -> None:
    found = only(of(tmp_path, OF_ONE.format(name=name, shape=shape, lines=lines), name, numpy), "x")
    assert (found.structure.kind, found.structure.notation) == (kind, notation)
    assert found.without == (() if without is None else (without,))


def test_layer_norm(tmp_path: Path) -> None:
    body = '''def layer_norm(x, gamma, beta):
    """
    - x: of shape (N, D)
    - gamma: of shape (D,)
    - beta: of shape (D,)
    """
    std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    normed = (x - x.mean(axis=1, keepdims=True)) / std
    return gamma * normed + beta
'''
    found = of(tmp_path, body, "layer_norm", inputs=InputOptions(dimensions={"N": 3, "D": 5}))
    notations = [one.structure.notation for one in found.jacobians]
    assert notations == [
        "blockdiag(diag(gamma) s (I - 1/D 1 1ᵀ - 1/D normedᵀ normed))",
        "diag(normed) (1 ⊗ I_D)",
        "1 ⊗ I_D",
    ]
    mean = "axis=1, keepdims=True"
    assert only(found, "x").without == (
        f"∂e/∂x = (g - mean(g, {mean}) - normed * mean(g * normed, {mean})) / std, with g = ∂e/∂out * gamma",
    )
    assert only(found, "gamma").formula == "∂out_jk/∂gamma_i = I[k = i] normed_jk"


def test_a_convolution_by_its_input_and_by_its_weights(tmp_path: Path) -> None:
    body = '''def conv(x, w):
    """
    - x: of shape (L,)
    - w: of shape (3,)
    """
    z = np.stack([(x[j : j + 3] * w).sum() for j in range(len(x) - 2)])
    return z
'''
    found = of(tmp_path, body, "conv", inputs=InputOptions(dimensions={"L": 7}))
    by_x, by_w = only(found, "x"), only(found, "w")
    assert (by_x.structure.notation, by_x.formula) == ("Toeplitz(w)", "∂z_j/∂x_i = w_(i - j)")
    assert by_x.structure.name == "banded, the same in each row: bandwidth 3"
    assert by_x.without == ("∂e/∂x = convolve(∂e/∂z, w, 'full')",)
    assert (by_w.structure.notation, by_w.formula) == ("im2col(x)", "∂z_j/∂w_i = x_(j + i)")
    assert by_w.without == ("∂e/∂w = correlate(x, ∂e/∂z, 'valid')",)


def test_an_embedding(tmp_path: Path) -> None:
    body = (
        'def embed(W, ids):\n    """\n    - W: of shape (V, D)\n    - ids: integers of shape (N,) in [0, V)\n    """\n'
    )
    found = only(of(tmp_path, body + "    z = W[ids]\n    return z\n", "embed"), "W")
    assert found.structure.notation == "onehot(ids) ⊗ I_D"
    assert found.without == ("∂e/∂W = zeros, then add.at(∂e/∂W, ids, ∂e/∂z)",)


def test_a_layer_with_its_activation(tmp_path: Path) -> None:
    body = AFFINE.replace("x @ w + b", "np.tanh(x @ w + b)")
    found = only(of(tmp_path, body, "affine"), "x")
    assert found.structure.notation == "diag(1 - z²) (I_N ⊗ wᵀ)"
    assert found.formula == "∂z_nj/∂x_mi = I[n = m] (1 - z_nj²) w_ij"
    assert found.without == ("∂e/∂x = (∂e/∂z * (1 - z²)) · wᵀ",)


def test_a_squared_error_whose_name_is_e(tmp_path: Path) -> None:
    body = 'def loss(x, y):\n    """\n    - x: of shape (N, D)\n    - y: of shape (N, D)\n    """\n'
    found = only(of(tmp_path, body + "    e = ((x - y) ** 2).mean()\n    return e\n", "loss"), "x")
    assert found.formula == "∂e/∂x_ij = 2/(N D) (x_ij - y_ij)"
    assert found.without == ("∂L/∂x = 2/(N D) ∂L/∂e * (x - y)",)


def test_what_is_too_large_is_refused_with_the_dimension_to_make_smaller(tmp_path: Path) -> None:
    inputs = InputOptions(dimensions={"N": 70, "D": 60, "M": 4})
    with pytest.raises(UserError) as caught:
        of(tmp_path, AFFINE, "affine", inputs=inputs)
    assert "the Jacobian of `z` by `x` would be 280 × 4,200" in caught.value.message
    assert caught.value.mend == "--dim N=2"


def test_a_name_that_no_argument_has(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no argument `v`"):
        of(tmp_path, AFFINE, "affine", at={"v": 1.0})


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    body = 'def turn(x):\n    """x: complex array of shape (M,)"""\n    return x * 1j\n'
    with pytest.raises(UserError, match="complex"):
        of(tmp_path, body, "turn", at={}, inputs=InputOptions(dtype="complex128"))


def test_loops_that_only_go_forward(tmp_path: Path) -> None:
    body = (
        "import jax\n\n\ndef halve(x):\n"
        '    """x: of shape (M,)"""\n'
        "    z = jax.lax.while_loop(lambda v: (v**2).sum() > 0.1, lambda v: v / 2, x)\n    return z\n"
    )
    found = only(of(tmp_path, body, "halve", "jax.numpy", at={"x": [0.5, 0.25]}), "x")
    assert found.structure.kind == "scaled identity"


def test_a_layer_by_its_convention(tmp_path: Path) -> None:
    body = (
        'def relu_forward(x):\n    """x: of shape (N, D)"""\n    return np.maximum(x, 0), x\n\n\n'
        "def relu_backward(dout, cache):\n    return dout * (cache > 0)\n"
    )
    found = only(of(tmp_path, body, "relu"), "x")
    assert found.title == "∂out/∂x"
    assert found.structure.notation == "diag(I[x > 0])"
