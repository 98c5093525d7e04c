"""Terms that a mask lets through are counted: one in place of all, all in place of some, one too many."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status

from .test_blocks import checked, only_finding

HEAD = "import jax\nimport jax.numpy as jnp\nimport numpy as np\n\n\n"

LABELS = '''    """
    - x: of shape (N, C)
    - y: labels, of shape (N,), where 0 <= y[i] < C
    """
    N, C = x.shape
'''

VECTORISED = f"""def hinge_loss(x, y):
{LABELS}    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, np.newaxis] + 0.5)
    count = (margins > 0).sum(axis=1)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    # BACKWARD
    return loss, dx / N
"""

ONE_HOT = f"""def hinge_loss(x, y):
{LABELS}    true = np.eye(C)[y]
    correct = np.sum(x * true, axis=1, keepdims=True)
    margins = np.maximum(0, x - correct + 0.4) * (1 - true)
    dx = (margins > 0) * 1.0
    # BACKWARD
    return np.sum(margins), dx
"""

LOOP = f"""def hinge_loss(x, y):
{LABELS}    loss, dx = 0.0, np.zeros_like(x)
    for i in range(N):
        margins = np.maximum(0, x[i] - x[i, y[i]] + 1.0)
        margins[y[i]] = 0
        loss += margins.sum()
        dx[i] = margins > 0
        # BACKWARD
    return loss / N, dx / N
"""

LOOPS = f"""def hinge_loss(x, y):
{LABELS}    loss, dx = 0.0, np.zeros_like(x)
    for i in range(N):
        correct = x[i, y[i]]
        for j in range(C):
            margin = x[i, j] - correct + 4.0
            if j != y[i] and margin > 0:
                loss += margin
                dx[i, j] += 1
                # BACKWARD
    return loss / N, dx / N
"""

IN_JAX = f"""def hinge_loss(x, y):
{LABELS}    correct = jnp.take_along_axis(x, y[:, None], axis=1)
    margins = jnp.maximum(0, x - correct + 0.3) * (1 - jax.nn.one_hot(y, C))
    mask = (margins > 0).astype(x.dtype)
    # BACKWARD
    return margins.sum() / N, dx
"""

RANKING = '''def ranking_forward(positive, negatives):
    """positive: of shape (N,); negatives: of shape (N, K)"""
    margins = np.maximum(0, negatives - positive[:, None] + 0.2)
    return margins.sum(axis=1), margins


def ranking_backward(dout, margins):
    dnegatives = (margins > 0) * dout[:, None]
    # BACKWARD
    return dpositive, dnegatives
'''


@dataclass(frozen=True)
class Slip:
    """A backward's own line, right and wrong; of the wrong one these words are said, and this line of the forward."""

    layer: str
    right: str
    wrong: str
    words: str
    line: int
    code: str = "GC206"

    def source(self, written: str) -> str:
        """The text of the module with it."""
        return HEAD + self.layer.replace("# BACKWARD", written)


TRUE = "dx[np.arange(N), y] -= (margins > 0).sum(axis=1)"
ONE = "takes one of the terms that `x - correct[:, np.newaxis]` (line 13) hands back to `correct[:, np.newaxis]`"
SLIPS = {
    "one": Slip(VECTORISED, TRUE, "dx[np.arange(N), y] -= 1", ONE, 13),
    "overwritten by one": Slip(VECTORISED, TRUE, "dx[np.arange(N), y] = -1", ONE, 13),
    "one where there is any": Slip(VECTORISED, TRUE, "dx[np.arange(N), y] -= (margins > 0).any(axis=1)", ONE, 13),
    "the stopped ones, too": Slip(VECTORISED, TRUE, "dx[np.arange(N), y] -= C - 1", "adds up all terms", 13, "GC212"),
    "one too many": Slip(VECTORISED, TRUE, "dx[np.arange(N), y] -= count", "counts one term too many", 13),
    "one-hot": Slip(
        ONE_HOT, "dx -= true * (margins > 0).sum(axis=1, keepdims=True)", "dx -= true", "hands back to `correct`", 14
    ),
    "a loop": Slip(LOOP, "dx[i, y[i]] = -np.sum(margins > 0)", "dx[i, y[i]] = -1", "hands back to `x[i, y[i]]`", 14),
    "loops": Slip(LOOPS, "dx[i, y[i]] -= 1", "dx[i, y[i]] = -1", "hands back to `correct`", 16),
    "JAX": Slip(
        IN_JAX,
        "dx = (mask - jax.nn.one_hot(y, C) * mask.sum(axis=1, keepdims=True)) / N",
        "dx = (mask - jax.nn.one_hot(y, C)) / N",
        "hands back to `correct`",
        13,
    ),
    "ranking": Slip(
        RANKING, "dpositive = -dnegatives.sum(axis=1)", "dpositive = -dout", "hands back to `positive[:, None]`", 8
    ),
}
FAST = ("one", "loops", "JAX")


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS.keys())
def test_terms_that_are_not_counted_are_named(slip: Slip, tmp_path: Path) -> None:
    finding = only_finding(checked(tmp_path, slip.source(slip.wrong)))
    assert finding.code == slip.code, finding.message
    assert slip.words in finding.message
    assert finding.blame is not None
    assert finding.blame.line == slip.line


@pytest.mark.parametrize("name", FAST)
def test_terms_that_are_counted_pass(name: str, tmp_path: Path) -> None:
    layer = checked(tmp_path, SLIPS[name].source(SLIPS[name].right))
    assert layer.status is Status.PASS


@pytest.mark.parametrize("wrong", ["margins.max(axis=1)", "count**2", "np.arange(N)"])
def test_another_number_is_no_count(wrong: str, tmp_path: Path) -> None:
    slip = SLIPS["one"]
    finding = only_finding(checked(tmp_path, slip.source(f"dx[np.arange(N), y] -= {wrong}")))
    assert finding.code == "GC201", finding.message
