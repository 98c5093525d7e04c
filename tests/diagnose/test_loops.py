"""Loops: of JAX, turn by turn; solved for as a whole; over messages in logarithms. What is no slip has no name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status
from tests.thorough import each

from .test_blocks import checked

SCAN = '''import jax
import jax.numpy as jnp


@jax.custom_vjp
def decay(a, x):
    """
    a: shape (4, D)
    x: shape (4, D)
    """
    return _states(a, x)[1]


def _states(a, x):
    def step(h, inputs):
        h = jnp.tanh(inputs[0] * h + inputs[1])
        return h, h

    return jax.lax.scan(step, jnp.zeros_like(x[0]), (a, x))


def decay_fwd(a, x):
    h = decay(a, x)
    return h, (a, h)


def decay_bwd(residuals, g):
    a, h = residuals
    before = jnp.concatenate([jnp.zeros_like(h[:1]), h[:-1]])

    def step(dh, inputs):
        g, a, h = inputs
        dz = (g + dh) * (1 - h**2)
        return a * dz, dz

    dz = jax.lax.scan(step, jnp.zeros_like(h[0]), (g, a, h), reverse=True)[1]
    return dz * before, dz


decay.defvjp(decay_fwd, decay_bwd)
'''

FIXED_POINT = '''import jax
import jax.numpy as jnp


@jax.custom_vjp
def settle(w, x):
    """
    w: shape (D, D)
    x: shape (N, D)
    """
    return _iterate(0.1 * jnp.tanh(w), x)


def _iterate(w, x):
    return jax.lax.fori_loop(0, 14, lambda _, z: jnp.tanh(z @ w / 4 + x), jnp.zeros_like(x))


def settle_fwd(w, x):
    small = 0.1 * jnp.tanh(w)
    z = _iterate(small, x)
    return z, (w, small, z)


def settle_bwd(residuals, g):
    w, small, z = residuals
    slope = 1 - z**2
    adjoint = jax.lax.fori_loop(0, 14, lambda _, a: g + (a * slope) @ small.T / 4, jnp.zeros_like(g))
    da = adjoint * slope
    return 0.1 * (z.T @ da / 4) * (1 - jnp.tanh(w) ** 2), da


settle.defvjp(settle_fwd, settle_bwd)
'''

CHAIN = '''import numpy as np


def _logsumexp(x, axis):
    top = x.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis=axis) + np.log(np.exp(x - top).sum(axis=axis))


def chain_forward(emissions, transitions):
    """
    - emissions: of shape (4, K)
    - transitions: of shape (K, K)
    """
    alpha = [emissions[0]]
    for t in range(1, 4):
        alpha.append(_logsumexp(alpha[-1][:, None] + transitions, axis=0) + emissions[t])
    total = _logsumexp(alpha[-1], axis=0)
    return total, (emissions, transitions, alpha, total)


def chain_backward(dout, cache):
    emissions, transitions, alpha, total = cache
    demissions, dtransitions = np.zeros_like(emissions), np.zeros_like(transitions)
    beta = np.zeros_like(emissions[0])
    for t in range(3, 0, -1):
        demissions[t] = np.exp(alpha[t] + beta - total)
        later = beta + emissions[t]
        dtransitions += np.exp(alpha[t - 1][:, None] + transitions + later - total)
        beta = _logsumexp(transitions + later, axis=1)
    demissions[0] = np.exp(alpha[0] + beta - total)
    return dout * demissions, dout * dtransitions
'''

LABELS = '''import numpy as np


def score_forward(logits, labels):
    """
    - logits: of shape (N, 4)
    - labels: integers, of shape (6,), where 0 <= labels[i] < 4
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    p = np.exp(logp)
    return -logp[:, labels].mean(axis=1).sum(), (p, labels)


def score_backward(dout, cache):
    p, labels = cache
    expected = np.zeros_like(p)
    for label in labels:
        expected[:, label] += 1 / 6
    return dout * (p - expected)
'''

BANDS = '''import numpy as np


def bands_forward(x):
    """
    - x: of shape (3, 4)
    """
    none = np.array([-np.inf])
    a = np.append(x[0, :1], [-np.inf] * 3)
    kept = [a]
    for t in range(1, 3):
        a = np.logaddexp(a, np.concatenate([none, a[:-1]])) + x[t]
        kept.append(a)
    return a[2] + a[1], kept


def bands_backward(dout, kept):
    dx = np.zeros((3, 4))
    da = np.array([0, dout, dout, 0])
    for t in range(2, 0, -1):
        dx[t] = da
        before, step = kept[t - 1], np.zeros(4)
        total = np.logaddexp(before[1:], before[:-1])
        with np.errstate(invalid="ignore"):
            stay, move = np.nan_to_num(np.exp(before[1:] - total)), np.nan_to_num(np.exp(before[:-1] - total))
        step[0] += da[0]
        step[1:] += da[1:] * stay
        step[:-1] += da[1:] * move
        da = step
    dx[0, 0] = da[0]
    return dx
'''

KICKS = '''import numpy as np


def kick_forward(p, w):
    """
    - p: of shape (N, D)
    - w: of shape (D, D)
    """
    angles = [p @ w]
    q = p - 0.5 * np.sin(angles[0])
    for _ in range(2):
        angles.append(q @ w)
        q = q - 0.3 * np.sin(angles[-1])
    return q, (p, w, angles)


def kick_backward(dq, cache):
    p, w, angles = cache
    states = [p, p - 0.5 * np.sin(angles[0])]
    states.append(states[1] - 0.3 * np.sin(angles[1]))
    dw = np.zeros_like(w)
    for step in (2, 1, 0):
        da = -(0.3 if step else 0.5) * dq * np.cos(angles[step])
        dw += states[step].T @ da
        dq = dq + da @ w.T
    return dq, dw
'''

WRAPPING = '''import numpy as np


def rnn_forward(x, h0, u):
    """
    - x: of shape (4, N, D)
    - h0: of shape (N, D)
    - u: of shape (D, D)
    """
    h, kept = h0, []
    for t in range(4):
        h = np.tanh(x[t] + h @ u)
        kept.append(h)
    return np.stack(kept), (kept, h0, u)


def rnn_backward(dout, cache):
    kept, h0, u = cache
    dx, du, dh = np.zeros_like(dout), np.zeros_like(u), np.zeros_like(h0)
    for t in reversed(range(4)):
        dx[t] = (dout[t] + dh) * (1 - kept[t] ** 2)
        before = kept[t - 1] if t else h0
        du += before.T @ dx[t]
        dh = dx[t] @ u.T
    return dx, dh, du
'''


SCALED = '''import numpy as np


def hidden_forward(initial, transition, emission):
    """
    - initial: positive, of shape (K,)
    - transition: positive, of shape (K, K)
    - emission: positive, of shape (4, K)
    """
    alpha, scale = [], []
    state = initial * emission[0]
    for t in range(4):
        if t > 0:
            state = (alpha[-1] @ transition) * emission[t]
        scale.append(state.sum())
        alpha.append(state / scale[-1])
    return np.log(np.stack(scale)).sum(), (initial, transition, emission, alpha, scale)


def hidden_backward(dout, cache):
    initial, transition, emission, alpha, scale = cache
    dtransition, demission, beta = np.zeros_like(transition), np.zeros_like(emission), np.ones_like(initial)
    for t in (3, 2, 1):
        demission[t] = (alpha[t - 1] @ transition) * beta / scale[t]
        weighted = beta * emission[t] / scale[t]
        dtransition += np.outer(alpha[t - 1], weighted)
        beta = transition @ weighted
    demission[0] = initial * beta / scale[0]
    return dout * emission[0] * beta / scale[0], dout * dtransition, dout * demission
'''


@dataclass(frozen=True)
class Slip:
    """A layer with something in its backward replaced, and what the finding says of that."""

    layer: str
    right: str
    wrong: str
    code: str = ""
    words: str = ""

    def source(self) -> str:
        assert self.layer.count(self.right) == 1
        return self.layer.replace(self.right, self.wrong)


NAMED = {
    "a gate in a scan": Slip(SCAN, "(g + dh) * (1 - h**2)", "g + dh", "GC208", "pass `jnp.tanh(inputs[0] * h"),
    "a state in a scan": Slip(SCAN, "dz * before, dz", "dz * h, dz", "GC208", "where `h` belongs"),
    "out of a loop": Slip(FIXED_POINT, "adjoint * slope", "adjoint", "GC208", "on the way out of the loop unchanged"),
    "an adjoint": Slip(FIXED_POINT, "@ small.T / 4", "@ small / 4", "GC204", "is due"),
    "messages": Slip(
        CHAIN, "_logsumexp(transitions + later", "_logsumexp(transitions.T + later", "GC204", "in its exponent"
    ),
    "a term": Slip(CHAIN, "transitions + later - total", "transitions + beta - total", "GC208", "left out in its"),
    "closed form": Slip(LABELS, "] += 1 / 6", "] = 1 / 6", "GC209", "where an index of `logp[:, labels]`"),
    "no chance": Slip(BANDS, "step[:-1] += da[1:] * move", "pass", "GC209", "in `np.concatenate([none, a[:-1]])`"),
    "two lines": Slip(KICKS, "dq * np.cos(angles[step])", "dq * np.sin(angles[step])", "GC208", "it is cos(x)"),
    "scaled messages": Slip(SCALED, "transition @ weighted", "transition.T @ weighted", "GC204", "is due"),
    "one turn late": Slip(SCALED, "outer(alpha[t - 1]", "outer(alpha[t]", "GC213", "of one turn too late"),
    "not reversed": Slip(SCAN, ", reverse=True)", ")", "GC213", "from the first turn to the last"),
    "forwards": Slip(WRAPPING, "reversed(range(4))", "range(4)", "GC213", "from the first turn to the last"),
    "before the first": Slip(WRAPPING, "kept[t - 1] if t else h0", "kept[t - 1]", "GC213", "of the last turn at"),
}

NOT_NAMED = {
    "no slip in a scan": Slip(SCAN, "(1 - h**2)", "(1 - h**2) ** 1.3"),
    "no slip out of a loop": Slip(FIXED_POINT, "adjoint * slope", "adjoint * slope**1.3"),
    "no slip in messages": Slip(CHAIN, "_logsumexp(transitions + later", "_logsumexp(0.8 * transitions + later"),
    "no slip in scaled messages": Slip(SCALED, "transition @ weighted", "transition**1.3 @ weighted"),
    "no slip in a closed form": Slip(LABELS, "] += 1 / 6", "] += (1 + label % 3) / 6"),
}


RIGHT = each(2, [SCAN, FIXED_POINT, CHAIN, LABELS, BANDS, KICKS, WRAPPING, SCALED])


@pytest.mark.parametrize("layer", RIGHT, ids=range(len(RIGHT)))
def test_the_right_layer_passes(layer: str, tmp_path: Path) -> None:
    report = checked(tmp_path, layer)
    assert report.status is Status.PASS, report.findings


@pytest.mark.parametrize("name", NAMED)
def test_a_slip_is_named(name: str, tmp_path: Path) -> None:
    slip = NAMED[name]
    finding = checked(tmp_path, slip.source()).findings[0]
    assert finding.code == slip.code, finding.message
    assert slip.words in finding.message


@pytest.mark.parametrize("name", NOT_NAMED)
def test_nothing_is_named(name: str, tmp_path: Path) -> None:
    findings = checked(tmp_path, NOT_NAMED[name].source()).findings
    assert [finding.code for finding in findings] == ["GC201"] * len(findings) != [], findings[0].message
