"""Backwards that update their parameters themselves: what their text says of it."""

from __future__ import annotations

import ast
from textwrap import dedent, indent

import pytest

from gradcheck_cli.layers.conventions.self_update_text import plain_updates, updated


def backward(body: str, parameters: str = "dout, lr") -> ast.FunctionDef:
    (found,) = ast.parse(f"def backward(self, {parameters}):\n{indent(dedent(body).strip(), '    ')}").body
    assert isinstance(found, ast.FunctionDef)
    return found


@pytest.mark.parametrize(
    ("body", "called", "sign"),
    [
        ("dW = self.x.T @ dout\nself.W -= lr * dW", "dW", -1),
        ("dW = self.x.T @ dout / len(dout)\nself.W = self.W - dW * lr", "dW", -1),
        ("self.W -= lr * self.x.T @ dout", "", -1),
        ("self.W += -lr * np.dot(self.x.T, dout)", "", -1),
        ("self.W -= lr * -dout", "", -1),
        ("dW = np.zeros(self.W.shape)\nfor x in self.xs:\n    dW[x] += dout\nself.W -= lr * dW", "dW", -1),
        ("dW = np.zeros_like(self.W)\ndW[self.x] = dout\nself.W -= lr * dW", "dW", -1),
        ("self.W = self.W + -(lr * dout)", "dout", -1),
        ("self.W += lr * np.outer(self.x, dout)", "", 1),
        ("self.W -= self.learning_rate * self.x.T.dot(dout)", "", -1),
        ("self.out = self.out * 2\ndh = dout @ self.V.T\nself.V -= lr * dout\nself.W -= lr * dh", "dh", -1),
        ("for x in self.xs:\n    dW = x.T @ dout\nself.W -= lr * dW", "dW", -1),
    ],
)
def test_a_plain_update_is_read(body: str, called: str, sign: int) -> None:
    found = plain_updates(backward(body))
    assert found is not None
    assert (found.of["W"].called, found.of["W"].sign) == (called, sign)
    assert (found.rate, found.is_kept) == (("learning_rate", True) if "learning" in body else ("lr", False))
    assert found.early == ()


@pytest.mark.parametrize(
    "body",
    [
        "self.v = 0.9 * self.v + self.x.T @ dout\nself.W -= lr * self.v",
        "v = 0.9 * self.v + dout\nself.v = v\nself.W -= lr * self.v\nself.v *= 2",
        "self.m += dout\nself.W -= lr * self.m / (np.sqrt(self.s) + 1e-8)",
        "self.W -= lr * (self.x.T @ dout + 0.1 * self.W)",
        "dW = self.x.T @ dout\ndW += 0.1 * self.W\nself.W -= lr * dW",
        "dW = np.clip(self.x.T @ dout, -1, 1)\nself.W -= lr * dW",
        "dW = self.x.T @ dout\nnp.clip(dW, -1, 1, out=dW)\nself.W -= lr * dW",
        "self.W -= lr * np.sign(dout)",
        "if self.trainable:\n    self.W -= lr * dout",
        "for dW in self.dWs:\n    self.W -= lr * dW",
        "self.W -= lr * self.x.T @ dout / len(dout)",
        "self.W -= 2 * lr * dout",
        "self.W -= 0.01 * dout",
        "self.W -= lr * dout\nself.W -= lr * dout",
        "lr = lr * 0.9\nself.W -= lr * dout",
        "self.W -= lr * dout\nself.b -= self.lr * dout",
        "self.W = self.optimiser.step(self.W, dout)",
        "self.W -= lr",
    ],
)
def test_nothing_is_read_off_what_is_no_plain_update(body: str) -> None:
    found = plain_updates(backward(body))
    assert found is None or "W" not in found.of


def test_what_is_updated_is_known_however_it_is_done() -> None:
    body = "if lr:\n    self.W -= 0.1 * dout\nself.b = self.b - 0.1 * dout\nself.c = dout\nw = self.d\nd -= dout"
    body += "\nself.e = self.optimiser.step(self.e, dout)\nself.f = np.dot(self.x, dout)"
    assert updated(backward(body)) == {"W", "b", "d", "e"}
    assert updated(None) == set() and plain_updates(None) is None


@pytest.mark.parametrize(
    ("body", "early"),
    [
        ("self.W -= lr * dout\nself.b -= lr * dout\nreturn dout @ self.W.T", (("W", 2, 4),)),
        ("dx = dout @ self.W.T\nself.W -= lr * dout\nreturn dx", ()),
        ("W = self.W.copy()\nself.W -= lr * dout\nreturn dout @ W.T", ()),
    ],
)
def test_what_is_used_after_its_update_is_early(body: str, early: tuple[tuple[str, int, int], ...]) -> None:
    found = plain_updates(backward(body))
    assert found is not None and found.early == early
