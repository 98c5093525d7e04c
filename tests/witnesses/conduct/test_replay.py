"""A case at leaves that are off by roundings: the user's arrays and the reference move together."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Status
from gradcheck_cli.witnesses.conduct.replay import moved_randomly
from tests.thorough import seeds

BATCH_NORM = '''
import numpy as np

def batchnorm_forward(x, gamma, beta):
    """
    - x: of shape (N, D)
    - gamma: of shape (D,)
    - beta: of shape (D,)
    """
    mean, var = x.mean(axis=0), x.var(axis=0)
    xhat = (x - mean) / np.sqrt(var + np.float32(1e-5))
    return gamma * xhat + beta, (xhat, gamma, var)

def batchnorm_backward(dout, cache):
    xhat, gamma, var = cache
    n = len(dout)
    dxhat = dout * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / np.sqrt(var + np.float32(1e-5))
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)
'''


def statuses(tmp_path, text, seeds):
    path = tmp_path / "batchnorm_of_two.py"
    path.write_text(text)
    for seed in seeds:
        inputs = InputOptions(dimensions={"N": 2}, dtype="float32", seed=seed)
        yield (
            check_targets([Target(path)], CheckOptions(inputs, Settings(shrink=False, diagnose=False))).layers[0].status
        )


def test_rounding_inside_a_float32_backward_is_no_mistake(tmp_path):
    """Two samples: the gradient is a small difference of large terms, and float32 leaves few of its digits."""
    assert Status.FAIL not in set(statuses(tmp_path, BATCH_NORM, seeds(12)))


def test_a_mistake_of_the_same_layer_is_found_all_the_same(tmp_path):
    wrong = BATCH_NORM.replace("- xhat * (dxhat * xhat).mean(axis=0)", "- 0.5 * xhat * (dxhat * xhat).mean(axis=0)")
    assert set(statuses(tmp_path, wrong, seeds(3))) == {Status.FAIL}


@pytest.mark.parametrize(("dtype", "size"), [(np.float64, 1e-15), (np.float64, 1e-12), (np.float32, 5e-7)])
def test_every_element_moves_however_little_it_is_to_move(dtype, size):
    value = np.linspace(1, 2, 100, dtype=dtype)
    moved = moved_randomly(value, size, np.random.default_rng(0))
    relative = np.abs(moved.astype(np.float64) / value - 1)
    assert moved.dtype == dtype
    assert np.all(relative > 0)
    assert np.all(relative < size + np.finfo(dtype).eps)


SCAN = '''
import jax
import jax.numpy as jnp

CALLS = open(CALLS_PATH, "a")


@jax.custom_vjp
def decay(x, a):
    """
    x: shape (T, N)
    a: shape (N,)
    """
    return decay_fwd(x, a)[0]


def decay_fwd(x, a):
    print(1, file=CALLS, flush=True)
    h, hs = jax.lax.scan(lambda h, x: (a * h + x, h), jnp.zeros_like(a), x)
    return h, (a, hs)


def decay_bwd(residuals, g):
    a, hs = residuals

    def step(carry, h):
        g, da = carry
        return (g * a, da + g * h), g

    (_, da), dx = jax.lax.scan(step, (g, jnp.zeros_like(a)), hs, reverse=True)
    return dx, WRONG


decay.defvjp(decay_fwd, decay_bwd)
'''


def decay(tmp_path, wrong, dtype="float64"):
    path, calls = tmp_path / "decay.py", tmp_path / "calls"
    path.write_text(SCAN.replace("WRONG", wrong).replace("CALLS_PATH", repr(str(calls))))
    report = check_targets(
        [Target(path)], CheckOptions(InputOptions(draws=1, dtype=dtype), Settings(shrink=False, diagnose=False))
    )
    return report.layers[0], len(calls.read_text().splitlines())


def test_a_loop_of_jax_is_compiled_once_for_all_replays(tmp_path):
    """Called step by step, a loop that is made anew is compiled anew: seconds for each of two dozen replays."""
    layer, calls = decay(tmp_path, "da * (1 + 1e-5)")
    assert layer.status is Status.FAIL
    assert calls < 20  # 30 where each replay calls it


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_loop_that_is_compiled_keeps_the_casts_inside(tmp_path, dtype):
    layer, _ = decay(tmp_path, "da.astype('float16').astype(a.dtype)", dtype)
    assert {finding.code for finding in layer.findings} == {"GC402"}
    assert decay(tmp_path, "da", dtype)[0].status is Status.PASS
