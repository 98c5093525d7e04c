"""What a backward through time gets wrong from turn to turn: a state not carried, sums lost, another turn's state."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status

from .test_blocks import checked

GATED = '''import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gated_forward(x, Wz, Uz, Wc, Uc):
    """
    - x: of shape (N, 4, D)
    - Wz: of shape (D, H)
    - Uz: of shape (H, H)
    - Wc: of shape (D, H)
    - Uc: of shape (H, H)
    """
    h, states, turns = np.zeros((x.shape[0], Wz.shape[1])), [], []
    for t in range(4):
        z = sigmoid(x[:, t] @ Wz + h @ Uz)
        c = np.tanh(x[:, t] @ Wc + (z * h) @ Uc)
        turns.append((h, z, c))
        h = (1 - z) * h + z * c
        states.append(h)
    return np.stack(states, axis=1), (x, Wz, Uz, Wc, Uc, turns)


def gated_backward(dout, cache):
    x, Wz, Uz, Wc, Uc, turns = cache
    dx = np.zeros_like(x)
    dWz, dUz, dWc, dUc = [np.zeros_like(w) for w in (Wz, Uz, Wc, Uc)]
    carried = np.zeros_like(dout[:, 0])
    for t in reversed(range(4)):
        h, z, c = turns[t]
        dh = dout[:, t] + carried
        da = dh * z * (1 - c**2)
        dzh = da @ Uc.T
        db = (dh * (c - h) + dzh * h) * z * (1 - z)
        dWc += x[:, t].T @ da
        dUc += (z * h).T @ da
        dWz += x[:, t].T @ db
        dUz += h.T @ db
        dx[:, t] = da @ Wc.T + db @ Wz.T
        carried = dh * (1 - z) + dzh * z + db @ Uz.T
    return dx, dWz, dUz, dWc, dUc
'''

LEAKY = '''import numpy as np


def leaky_forward(x, f, c0):
    """
    - x: of shape (4, N, D)
    - f: of shape (4, N, D)
    - c0: of shape (N, D)
    """
    C = np.zeros_like(x)
    for t in range(4):
        before = C[t - 1] if t > 0 else c0
        C[t] = np.tanh(f[t]) * before + x[t]
    return C, (x, f, c0, C)


def leaky_backward(dout, cache):
    x, f, c0, C = cache
    dC, df, dc0 = dout.copy(), np.zeros_like(f), 0
    for t in reversed(range(4)):
        gate = np.tanh(f[t])
        df[t] = dC[t] * (C[t - 1] if t > 0 else c0) * (1 - gate**2)
        if t > 0:
            dC[t - 1] += dC[t] * gate
        else:
            dc0 = dC[t] * gate
    return dC, df, dc0
'''

CONV = '''import numpy as np


def conv_forward(x, w):
    """
    - x: of shape (N, 5)
    - w: of shape (3, F)
    """
    return np.stack([x[:, i : i + 3] @ w for i in range(3)], axis=1), (x, w)


def conv_backward(dout, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(3):
        for k in range(w.shape[1]):
            dx[:, i : i + 3] += np.outer(dout[:, i, k], w[:, k])
            dw[:, k] += x[:, i : i + 3].T @ dout[:, i, k]
    return dx, dw
'''


@pytest.mark.parametrize("source", [GATED, LEAKY, CONV])
def test_the_right_layer_passes(source: str, tmp_path: Path) -> None:
    assert checked(tmp_path, source).status is Status.PASS


def test_a_state_that_is_not_carried_is_named_by_its_uses(tmp_path: Path) -> None:
    (line,) = [line for line in GATED.splitlines() if line.lstrip().startswith("carried = dh")]
    findings = checked(tmp_path, GATED.replace(line + "\n", "")).findings
    assert [finding.code for finding in findings] == ["GC209"] * 3
    for finding, use in zip(
        findings, ("`h` in `h @ Uz` (line 18)", "`h` in `z * h` (line 19)", "`h` in `(1 - z) * h`")
    ):
        assert f"no contribution through {use}" in finding.message


def test_a_state_that_is_carried_by_other_numbers_is_not(tmp_path: Path) -> None:
    findings = checked(tmp_path, GATED.replace("carried = dh *", "carried = np.sin(7 * dh) *")).findings
    assert not any("through `h`" in finding.message for finding in findings)


def test_sums_over_turns_that_are_lost_are_named_for_each_parameter(tmp_path: Path) -> None:
    source = GATED.replace("return dx, dWz, dUz", "return dx, dWz, -dUz")
    for name in ("dWc", "dUc", "dWz"):
        source = source.replace(f"{name} +=", f"{name} =")
    found = {finding.argument: finding for finding in checked(tmp_path, source).findings}
    codes = {name: finding.code for name, finding in found.items()}
    assert codes == {"Wz": "GC209", "Uz": "GC203", "Wc": "GC209", "Uc": "GC209"}
    use = "through `Wz` in `x[:, t] @ Wz` (line 18) in all turns but the first"
    assert f"{use}: each turn's must be added, by `+=`" in found["Wz"].message
    # the first turn starts from a state of zeros
    assert "nothing flows back through `Uc`" in found["Uc"].message


def test_the_new_state_in_place_of_the_one_before_is_named(tmp_path: Path) -> None:
    finding = checked(tmp_path, LEAKY.replace("C[t - 1] if t > 0 else c0) *", "C[t] if t > 0 else c0) *")).findings[0]
    assert finding.code == "GC208", finding.message
    assert "`df` uses `C[t]` where `before` belongs, in `np.tanh(f[t]) * before` (line 13)" in finding.message


def test_terms_of_a_product_that_overwrite_each_other_are_named(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, CONV.replace("i + 3] += np", "i + 3] = np")).findings
    assert finding.code == "GC206", finding.message
    assert "only some of the terms with `w` are summed up" in finding.message


def test_other_numbers_in_the_product_are_no_lost_terms(tmp_path: Path) -> None:
    findings = checked(tmp_path, CONV.replace("w[:, k])", "np.sin(9 * w[:, k]) + i)")).findings
    assert findings
    assert not any("terms" in finding.message for finding in findings)
