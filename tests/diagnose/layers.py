"""Layers whose forward has a path that cancels, or a loop: softmax, cross-entropy, attention, an LSTM over time."""

from __future__ import annotations

from .blocks import Block

SOFTMAX = Block(
    "softmax",
    "x: (N, D)",
    """
e = np.exp(x - x.max(axis=1, keepdims=True))
total = e.sum(axis=1, keepdims=True)  # normaliser: e in e.sum(axis=1, keepdims=True)
out = e / total  # direct: e in e / total
""",
    """
dtotal = -⟨normaliser: (dout * e).sum(axis=1, keepdims=True) / total**2⟩
dx = e * (⟨direct: dout / total⟩ + dtotal)
""",
)

CROSS_ENTROPY = Block(
    "cross_entropy",
    "x: (N, D); p: (N, D)",
    """
s = x - x.max(axis=1, keepdims=True)
total = np.exp(s).sum(axis=1, keepdims=True)  # normaliser: s in np.exp(s)
logp = s - np.log(total)  # label: s in s - np.log(total)
out = -(p * logp).sum(axis=1)
""",
    """
dp = -logp * dout[:, None]
dlogp = -p * dout[:, None]
dx = ⟨label: dlogp⟩ - ⟨normaliser: dlogp.sum(axis=1, keepdims=True) * np.exp(s) / total⟩
""",
)

ATTENTION = Block(
    "attention",
    "x: (T, D); Wq: (D, K); Wk: (D, K); Wv: (D, M)",
    """
q = x @ Wq  # query: x in x @ Wq
k = x @ Wk  # key: x in x @ Wk
v = x @ Wv  # value: x in x @ Wv
scores = q @ k.T / 2.0
e = np.exp(scores - scores.max(axis=1, keepdims=True))
w = e / e.sum(axis=1, keepdims=True)  # normaliser: e in e.sum(axis=1, keepdims=True)
out = w @ v
""",
    """
dv = w.T @ dout
dw = dout @ v.T
dscores = w * (dw - ⟨normaliser: (dw * w).sum(axis=1, keepdims=True)⟩) / 2.0
dq, dk = dscores @ k, dscores.T @ q
dWq, dWk, dWv = x.T @ dq, x.T @ dk, x.T @ dv
dx = ⟨query: dq @ Wq.T⟩ + ⟨key: dk @ Wk.T⟩ + ⟨value: dv @ Wv.T⟩
""",
)

_CELL = """
    a = x_t @ Wx + h @ Wh + b  # state: h in h @ Wh; weights: Wx in x_t @ Wx; bias: b in x_t @ Wx + h @ Wh + b
    ai, af, ao, ag = np.split(a, 4, axis=1)
    i = 1 / (1 + np.exp(-ai))  # input_gate: ai in -ai
    f = 1 / (1 + np.exp(-af))  # forget_gate: af in -af
    o = 1 / (1 + np.exp(-ao))  # output_gate: ao in -ao
    g = np.tanh(ag)  # candidate: ag in np.tanh(ag)
    new = f * c + i * g  # cell: c in f * c
    s = np.tanh(new)  # squashed: new in np.tanh(new)
"""

_BACK = """
    dh = dout_t + ⟨state: dh_next⟩
    dc = ⟨squashed: dh * o * (1 - s**2)⟩ + ⟨cell: dc_next⟩
    dai = ⟨input_gate: dc * g * i * (1 - i)⟩
    daf = ⟨forget_gate: dc * c * f * (1 - f)⟩
    dao = ⟨output_gate: dh * s * o * (1 - o)⟩
    dag = ⟨candidate: dc * i * (1 - g**2)⟩
    da = np.concatenate([dai, daf, dao, dag], axis=1)
    dWx = dWx + ⟨weights: x_t.T @ da⟩
    dWh = dWh + h.T @ da
    db = db + ⟨bias: da.sum(axis=0)⟩
    dh_next, dc_next = da @ Wh.T, dc * f
"""

_ARGUMENTS = "x: (T, N, D); h0: (N, H); c0: (N, H); Wx: (D, 4H); Wh: (H, 4H); b: (4H,)"

LSTM = Block(
    "lstm",
    _ARGUMENTS,
    f"""
h, c = h0, c0
steps = []
outs = []
for t in range(len(x)):
    x_t = x[t]
{_CELL.strip(chr(10))}
    steps.append((x_t, h, c, i, f, o, g, s))
    h, c = o * s, new
    outs.append(h)
out = np.stack(outs)
""",
    f"""
dh_next, dc_next, dWx, dWh, db, dxs = 0 * h0, 0 * c0, 0 * Wx, 0 * Wh, 0 * b, []
for t in range(len(steps) - 1, -1, -1):
    dout_t = dout[t]
    x_t, h, c, i, f, o, g, s = steps[t]
{_BACK.strip(chr(10))}
    dxs.append(da @ Wx.T)
dx, dh0, dc0 = np.stack(dxs[::-1]), dh_next, dc_next
""",
)

LSTM_SCAN = Block(
    "lstm_scan",
    _ARGUMENTS,
    f"""
def turn(carry, x_t):
    h, c = carry
{_CELL.strip(chr(10))}
    return (o * s, new), (o * s, h, c, i, f, o, g, s)
kept = jax.lax.scan(turn, (h0, c0), x)[1]
out = kept[0]
""",
    f"""
def back(carry, given):
    dh_next, dc_next, dWx, dWh, db = carry
    dout_t, x_t, (_, h, c, i, f, o, g, s) = given
{_BACK.strip(chr(10))}
    return (dh_next, dc_next, dWx, dWh, db), da @ Wx.T
zeros = 0 * h0, 0 * c0, 0 * Wx, 0 * Wh, 0 * b
(dh0, dc0, dWx, dWh, db), dx = jax.lax.scan(back, zeros, (dout, x, kept), reverse=True)
""",
)
"""In JAX only."""
