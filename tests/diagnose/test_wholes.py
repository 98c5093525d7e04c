"""Functions of whole arrays that a backward goes back through by a wrong formula: they are named, and the slip is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.linalg import solve_triangular

from gradcheck_cli.diagnose.gates.formulas import Pulled
from gradcheck_cli.diagnose.gates.matrices import MATRIX_FUNCTIONS
from gradcheck_cli.diagnose.gates.normalising import ALONG_AN_AXIS
from gradcheck_cli.diagnose.gates.solves import INVERSES, SOLVES
from gradcheck_cli.report.model import Status
from tests.thorough import each

from .test_blocks import checked

SOLVE = '''import numpy as np


def solve_forward(A, b):
    """
    - A: of shape (4, 4)
    - b: of shape (4,)
    """
    x = np.linalg.solve(A, b)
    return x**2, (A, x)


def solve_backward(dout, cache):
    A, x = cache
    db = np.linalg.solve(A.T, 2 * x * dout)
    return -np.outer(db, x), db


def solve_inputs(rng):
    return {"A": rng.normal(size=(4, 4)) + 3 * np.eye(4), "b": rng.normal(size=4)}
'''

SUBSTITUTION = '''import numpy as np


def substitution_forward(L, b):
    """
    - L: of shape (3, 3)
    - b: of shape (3, 2)
    """
    x = np.zeros_like(b)
    for i in range(3):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return x, (L, x)


def substitution_backward(dx, cache):
    L, x = cache
    db = np.linalg.solve(np.tril(L).T, dx)
    return -np.tril(db @ x.T), db


def substitution_inputs(rng):
    return {"L": rng.normal(size=(3, 3)) + 3 * np.eye(3), "b": rng.normal(size=(3, 2))}
'''

CHOLESKY = '''import numpy as np


def factor_forward(A):
    """
    - A: positive definite, of shape (3, 3)
    """
    L = np.linalg.cholesky((A + A.T) / 2)
    return L, L


def factor_backward(dL, L):
    phi = np.tril(L.T @ dL)
    phi[np.diag_indices(3)] /= 2
    inverse = np.linalg.inv(L)
    S = inverse.T @ phi @ inverse
    return (S + S.T) / 2
'''

VOLUME = '''import numpy as np


def volume_forward(A):
    """
    - A: of shape (N, 3, 3)
    """
    return np.linalg.slogdet(A)[1], A


def volume_backward(dout, A):
    return dout[:, None, None] * np.linalg.inv(A).transpose(0, 2, 1)


def volume_inputs(rng):
    return {"A": rng.normal(size=(2, 3, 3)) + 2 * np.eye(3)}
'''

SOFTMAX = '''import numpy as np


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def mix_forward(q, k):
    """
    - q: of shape (N, D)
    - k: of shape (T, D)
    """
    p = softmax(q @ k.T)
    return p, (q, k, p)


def mix_backward(dp, cache):
    q, k, p = cache
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
    return ds @ k, ds.T @ q
'''

SERIES = '''import numpy as np


def series_forward(A):
    """
    - A: of shape (3, 3)
    """
    terms = [np.eye(3)]
    for k in range(1, 5):
        terms.append(terms[-1] @ A / k)
    return sum(terms), (A, terms)


def series_backward(dout, cache):
    A, terms = cache
    dA, dterm = np.zeros_like(A), np.zeros_like(A)
    for k in range(4, 0, -1):
        dterm = dterm + dout
        dA += terms[k - 1].T @ dterm / k
        dterm = dterm @ A.T / k
    return dA
'''

PAINTED = '''import numpy as np


def painted_forward(x, w):
    """
    - x: of shape (N, 4, D)
    - w: of shape (2, D, M)
    """
    out = np.zeros((len(x), 8, w.shape[2]))
    for k in range(2):
        out[:, k : k + 7 : 2] += x @ w[k]
    return out, (x, w)


def painted_backward(dout, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(2):
        part = dout[:, k : k + 7 : 2]
        dx += part @ w[k].T
        dw[k] = np.einsum("ntd,ntm->dm", x, part)
    return dx, dw
'''

GAINS = '''import numpy as np


def gains_forward(x, gain):
    """
    - x: of shape (N, 6)
    - gain: of shape (4,)
    """
    spectrum = np.fft.rfft(x)
    return np.fft.irfft(spectrum * gain, n=6), (spectrum, gain)


def gains_backward(dout, cache):
    spectrum, gain = cache
    g = np.fft.rfft(dout)
    weight = np.array([1, 2, 2, 1]) / 6
    return np.fft.irfft(g * gain, n=6), weight * np.real(np.conj(spectrum) * g).sum(axis=0)
'''

ROOT = '''import numpy as np


def root_forward(x, p=3.0):
    """
    - x: positive, of shape (N, T)
    """
    mean = (x**p).mean(axis=1)
    out = mean ** (1 / p)
    return out, (x, mean, out, p)


def root_backward(dout, cache):
    x, mean, out, p = cache
    return (dout * out / mean)[:, None] * x ** (p - 1) / x.shape[1]
'''


@dataclass(frozen=True)
class Slip:
    """One change of a backward; `words` are in the sentence."""

    layer: str
    right: str
    wrong: str
    code: str
    words: str

    @property
    def source(self) -> str:
        """The layer with the change in it."""
        assert self.layer.count(self.right) == 1
        return self.layer.replace(self.right, self.wrong)


SLIPS = {
    "not transposed": Slip(
        SOLVE, "solve(A.T,", "solve(A,", "GC204", "through `np.linalg.solve(A, b)` (line 9) with the matrix where"
    ),
    "not solved": Slip(
        SOLVE, "-np.outer(db, x)", "-np.outer(2 * x * dout, x)", "GC208",
        "`dA` takes the upstream gradient of `np.linalg.solve(A, b)` (line 9) as it is",
    ),
    "loop not transposed": Slip(
        SUBSTITUTION, "np.tril(L).T, dx", "np.tril(L), dx", "GC204", "(line 11) with the matrix where its transpose"
    ),
    "whole diagonal": Slip(CHOLESKY, "/= 2", "/= 1", "GC208", "(line 8) with the whole diagonal of L.T @ dL"),
    "not made symmetric": Slip(CHOLESKY, "(S + S.T) / 2", "S", "GC209", "(line 8) is made symmetric"),
    "determinant without its logarithm": Slip(
        VOLUME, "dout[:", "(dout * np.linalg.det(A))[:", "GC208", "`np.linalg.slogdet(A)` (line 8) without its log"
    ),
    "diagonal alone": Slip(
        SOFTMAX, "p * (dp - (dp * p).sum(axis=-1, keepdims=True))", "p * (1 - p) * dp", "GC208",
        "`dq` and `dk` take only the diagonal of the softmax's Jacobian at `e / e.sum(axis=-1, keepdims=True)` (line",
    ),
    "factorial on one way": Slip(SERIES, "dterm @ A.T / k", "dterm @ A.T", "GC208", "out `k` of `terms[-1] @ A / k`"),
    "without its stride": Slip(
        PAINTED, "part = dout[:, k : k + 7 : 2]", "part = dout[:, k : k + 4]", "GC213",
        "`dx` and `dw` read the gradient of `out[:, k : k + 7 : 2]` (line 11) in the wrong place: without its stride",
    ),
    "gain left out": Slip(GAINS, "g * gain", "g", "GC208", "leaves out `gain` of `spectrum * gain` (line 10)"),
    "real gain's conjugate": Slip(GAINS, "np.conj(spectrum) * g", "spectrum * g", "GC208", "where its complex"),
    "root's derivative": Slip(ROOT, "dout * out / mean", "dout / mean", "GC208", "derivative of `mean ** (1 / p)`"),
}  # fmt: skip


@pytest.mark.parametrize("name", each(2, list(SLIPS)))
def test_a_wrong_formula_is_named(name: str, tmp_path: Path) -> None:
    slip = SLIPS[name]
    (finding,) = checked(tmp_path, slip.source).findings
    assert finding.code == slip.code, finding.message
    assert slip.words in finding.message
    assert finding.blame is not None
    assert finding.blame.explains > 1 - 1e-9


RIGHT = (SOLVE, SUBSTITUTION, CHOLESKY, VOLUME, SOFTMAX, SERIES, PAINTED, GAINS, ROOT)


@pytest.mark.parametrize("layer", RIGHT, ids=lambda layer: layer.split("def ")[1].split("_forward")[0])
def test_the_right_formula_passes(layer: str, tmp_path: Path) -> None:
    assert checked(tmp_path, layer).status is Status.PASS


NOT_NAMED = {
    "another matrix": (SOLVE, "solve(A.T,", "solve(A.T + 0.1,"),
    "a part of the diagonal": (CHOLESKY, "/= 2", "/= 1.5"),
    "mixed up": (PAINTED, "part = dout[:, k : k + 7 : 2]", "part = np.sort(dout[:, k : k + 7 : 2], axis=1)"),
    "another gain": (GAINS, "g * gain", "g * np.sin(gain)"),
}


@pytest.mark.parametrize("name", NOT_NAMED)
def test_another_formula_is_not_named(name: str, tmp_path: Path) -> None:
    layer, right, wrong = NOT_NAMED[name]
    assert layer.count(right) == 1
    findings = checked(tmp_path, layer.replace(right, wrong)).findings
    assert findings
    for finding in findings:
        assert finding.code in ("GC201", "GC304"), finding.message


READ_OUT = {
    "another root": (ROOT, "dout * out / mean", "dout * np.sin(out) / mean", "takes other numbers for"),
    "another determinant": (VOLUME, "dout[:", "(dout * np.linalg.det(A + 0.1))[:", "times what it must be"),
    "squared probabilities": (
        SOFTMAX,
        "ds = p * (dp",
        "ds = p**2 * (dp",
        "times `p`: that factor does not belong there",
    ),
    "another factor": (SERIES, "dterm @ A.T / k", "dterm @ A.T / k**1.5", "something else stands where `terms[-1]`"),
}


@pytest.mark.parametrize("name", READ_OUT)
def test_of_another_formula_the_numbers_are_read_out(name: str, tmp_path: Path) -> None:
    layer, right, wrong, says = READ_OUT[name]
    assert layer.count(right) == 1
    (finding,) = checked(tmp_path, layer.replace(right, wrong)).findings
    assert finding.code == "GC208"
    assert says in finding.message


RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
POSITIVE = MATRIX @ MATRIX.T
SCORES = RNG.normal(size=(2, 4))


def _sparsemax(z: jax.Array) -> jax.Array:
    ordered = -jnp.sort(-z, axis=1)
    total = jnp.cumsum(ordered, axis=1)
    size = jnp.sum(1 + jnp.arange(1, 5) * ordered > total, axis=1, keepdims=True)
    return jnp.maximum(z - (jnp.take_along_axis(total, size - 1, axis=1) - 1) / size, 0)


def _lower_cholesky(a: jax.Array) -> jax.Array:
    return jnp.linalg.cholesky(jnp.tril(a) + jnp.tril(a, -1).T, symmetrize_input=False)


FUNCTIONS: dict[str, tuple[Callable[..., jax.Array], tuple[np.ndarray, ...]]] = {
    "solve": (jnp.linalg.solve, (MATRIX, SCORES.reshape(4, 2)[:3])),
    "lower solve": (lambda a, b: solve_triangular(a, b, lower=True), (MATRIX, SCORES.reshape(4, 2)[:3])),
    "upper solve": (solve_triangular, (MATRIX, SCORES[0, :3])),
    "symmetric solve": (lambda a, b: jnp.linalg.solve((a + a.T) / 2, b), (MATRIX, SCORES[0, :3])),
    "inverse": (jnp.linalg.inv, (MATRIX,)),
    "Cholesky": (jnp.linalg.cholesky, (POSITIVE,)),
    "Cholesky of the lower triangle": (_lower_cholesky, (MATRIX + 9 * np.eye(3),)),
    "log determinant": (lambda a: jnp.linalg.slogdet(a)[1], (MATRIX,)),
    "determinant": (jnp.linalg.det, (MATRIX[None],)),
    "exponential": (jax.scipy.linalg.expm, (MATRIX / 4,)),
    "softmax 1": (jax.nn.softmax, (SCORES,)),
    "log-softmax 0": (lambda x: jax.nn.log_softmax(x, axis=0), (SCORES,)),
    "logsumexp 1": (lambda x: jax.nn.logsumexp(x, axis=1), (SCORES,)),
    "sparsemax 1": (_sparsemax, (2 * SCORES,)),
    "sorted 1": (lambda x: -jnp.sort(-x, axis=1), (np.array([[0.3, 0.7, 0.1, 0.5]]),)),
    "running product 1": (lambda x: jnp.cumprod(x, axis=1), (SCORES,)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_recognised_with_its_pull_back(name: str) -> None:
    function, operands = FUNCTIONS[name]
    result, pull_back = jax.vjp(function, *operands)
    pulled = _recognised(operands, np.asarray(result))[name]
    above = np.random.default_rng(1).normal(size=result.shape)
    right = pull_back(jnp.asarray(above))
    for mine, expected in zip(pulled.right(above), right):
        np.testing.assert_allclose(mine, expected, rtol=1e-9, atol=1e-12)
    for formula in pulled.wrong if not name.startswith("symmetric") else ():  # the transpose is the matrix itself
        wrong = formula.back(above)
        assert any(not np.allclose(wrong[k], right[k]) for k in formula.ends), formula.key


def test_numbers_that_have_run_out_of_digits_are_nothing() -> None:
    assert _recognised((MATRIX, np.zeros(3)), 1e-300 * np.ones(3)) == {}


def _recognised(operands: tuple[np.ndarray, ...], result: np.ndarray) -> dict[str, Pulled]:
    functions = SOLVES if len(operands) == 2 else (*INVERSES, *MATRIX_FUNCTIONS, *ALONG_AN_AXIS)
    found = [function(*operands, result) for function in functions]
    return {pulled.name: pulled for pulled in found if pulled is not None}
