"""Blocks with several paths, as people write them by hand, each term of a sum in their backwards under a name.

A term is written `⟨name: text⟩`; `variant` drops it, or takes it so many times. The forward says in a comment at the
end of a line which term belongs to which use: `# name: operand in expression`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TERM = re.compile(r"⟨(\w+): ([^⟩]*)⟩")


@dataclass(frozen=True)
class Use:
    """Where a term belongs: the line, and the words of the report."""

    line: int
    operand: str
    expression: str


@dataclass(frozen=True)
class Block:
    """A layer: its arguments with their shapes, its forward's body, its backward's body."""

    name: str
    arguments: str
    forward: str
    backward: str

    @property
    def terms(self) -> list[str]:
        """The names of the terms."""
        return [match[1] for match in _TERM.finditer(self.backward)]

    def source(self, library: str, term: str = "", factor: float = 0.0) -> str:
        """The module, in `np` or `jnp`, with one term (or several: `skip+gate`) taken `factor` times."""
        terms = term.split("+")

        def written(match: re.Match[str]) -> str:
            if match[1] not in terms:
                return f"({match[2]})"
            return f"(0 * ({match[2]}))" if factor == 0 else f"({factor} * ({match[2]}))"

        backward = _TERM.sub(written, self.backward)
        names = ", ".join(re.findall(r"(\w+): ", self.arguments))
        told = "\n".join(f"    - {part}" for part in self.arguments.split("; "))
        docstring = f'    """\n{re.sub(r": ", ": of shape ", told)}\n    """\n'
        forward, cached = _indented(self.forward), f"({_cached(self.forward, names)})"
        gradients = ", ".join(f"d{name}" for name in names.split(", ")) + ("," if "," not in names else "")
        if library == "np":
            return (
                "import numpy as np\n\n\n"
                f"def {self.name}_forward({names}):\n{docstring}{forward}    return out, {cached}\n\n\n"
                f"def {self.name}_backward(dout, cache):\n    {cached[1:-1]} = cache\n{_indented(backward)}"
                f"    return {gradients}\n"
            )
        code = (
            "import jax\nimport jax.numpy as jnp\n\n\n"
            f"@jax.custom_vjp\ndef {self.name}({names}):\n{docstring}{forward}    return out\n\n\n"
            f"def {self.name}_fwd({names}):\n{forward}    return out, {cached}\n\n\n"
            f"def {self.name}_bwd(cache, dout):\n    {cached[1:-1]} = cache\n{_indented(backward)}"
            f"    return {gradients}\n\n\n{self.name}.defvjp({self.name}_fwd, {self.name}_bwd)\n"
        )
        return re.sub(r"\bnp\.", "jnp.", code)

    def use(self, source: str, term: str) -> Use:
        """Where a term belongs in that source."""
        for number, line in enumerate(source.splitlines(), 1):
            for told in line.partition("#")[2].split(";"):
                name, _, words = told.strip().partition(": ")
                if name == term:
                    operand, _, expression = words.partition(" in ")
                    return Use(
                        number, operand, re.sub(r"\bnp\.", "jnp.", expression) if "jnp" in source else expression
                    )
        raise AssertionError(f"no line says where {term} belongs")


def _indented(body: str) -> str:
    return "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))


def _cached(forward: str, names: str) -> str:
    made = re.findall(r"^(\w+) = ", forward, flags=re.MULTILINE)
    return ", ".join(dict.fromkeys([*names.split(", "), *(name for name in made if name != "out")]))


IDENTITY = Block(
    "residual",
    "x: (N, D); W1: (D, H); W2: (H, D)",
    """
a = x @ W1  # branch: x in x @ W1
h = np.maximum(a, 0)
out = h @ W2 + x  # shortcut: x in h @ W2 + x
""",
    """
dW2 = h.T @ dout
da = (dout @ W2.T) * (a > 0)
dW1 = x.T @ da
dx = ⟨branch: da @ W1.T⟩ + ⟨shortcut: dout⟩
""",
)

PROJECTION = Block(
    "projected",
    "x: (N, D); W1: (D, H); b1: (H,); W2: (H, M); Ws: (D, M)",
    """
a = x @ W1 + b1  # branch: x in x @ W1
h = np.maximum(a, 0)
shortcut = x @ Ws  # shortcut: x in x @ Ws
out = shortcut + h @ W2
""",
    """
dWs = x.T @ dout
dW2 = h.T @ dout
da = (dout @ W2.T) * (a > 0)
dW1 = x.T @ da
db1 = da.sum(axis=0)
dx = ⟨shortcut: dout @ Ws.T⟩ + ⟨branch: da @ W1.T⟩
""",
)

RESNEXT = Block(
    "resnext",
    "x: (N, D); U1: (D, H); U2: (D, H); U3: (D, H); V1: (H, D); V2: (H, D); V3: (H, D)",
    """
h1 = np.maximum(x @ U1, 0)  # first: x in x @ U1
h2 = np.maximum(x @ U2, 0)  # second: x in x @ U2
h3 = np.tanh(x @ U3)  # third: x in x @ U3
total = h1 @ V1 + h2 @ V2 + h3 @ V3
out = x + total  # shortcut: x in x + total
""",
    """
dV1, dV2, dV3 = h1.T @ dout, h2.T @ dout, h3.T @ dout
d1 = (dout @ V1.T) * (h1 > 0)
d2 = (dout @ V2.T) * (h2 > 0)
d3 = (dout @ V3.T) * (1 - h3**2)
dU1, dU2, dU3 = x.T @ d1, x.T @ d2, x.T @ d3
dx = ⟨shortcut: dout⟩
dx = dx + ⟨first: d1 @ U1.T⟩
dx = dx + ⟨second: d2 @ U2.T⟩
dx = dx + ⟨third: d3 @ U3.T⟩
""",
)

DEEP = Block(
    "two_blocks",
    "x: (N, D); W: (D, D); W1: (D, H); W2: (H, D); W3: (D, D)",
    """
s = np.tanh(x @ W)
h = np.maximum(s @ W1, 0)  # inner: s in s @ W1
t = s + h @ W2  # skip: s in s + h @ W2
gate = 1 / (1 + np.exp(-(t @ W3)))  # gate: t in t @ W3
out = t * gate + x  # value: t in t * gate; far: x in t * gate + x
""",
    """
dgate = dout * t * gate * (1 - gate)
dW3 = t.T @ dgate
dt = ⟨value: dout * gate⟩ + ⟨gate: dgate @ W3.T⟩
dW2 = h.T @ dt
dh = (dt @ W2.T) * (h > 0)
dW1 = s.T @ dh
ds = ⟨skip: dt⟩ + ⟨inner: dh @ W1.T⟩
da = ds * (1 - s**2)
dW = x.T @ da
dx = da @ W.T + ⟨far: dout⟩
""",
)

BATCHNORM = Block(
    "batchnorm",
    "x: (N, D); gamma: (D,); beta: (D,)",
    """
mu = x.mean(axis=0)  # mean: x in x.mean(axis=0)
xc = x - mu
var = (xc**2).mean(axis=0)  # variance: xc in xc**2
std = np.sqrt(var + 1e-5)
xhat = xc / std
out = gamma * xhat + beta
""",
    """
dgamma, dbeta = (dout * xhat).sum(axis=0), dout.sum(axis=0)
dxhat = dout * gamma
dvar = ⟨variance: (-0.5 * dxhat * xc / std**3).sum(axis=0)⟩
dxc = dxhat / std + 2 * xc * dvar / len(x)
dx = dxc - ⟨mean: dxc.mean(axis=0)⟩
""",
)

LAYERNORM = Block(
    "layernorm",
    "x: (N, D); gamma: (D,); beta: (D,)",
    """
mu = np.mean(x, axis=1, keepdims=True)  # mean: x in np.mean(x, axis=1, keepdims=True)
xc = x - mu
var = np.mean(xc * xc, axis=1, keepdims=True)  # variance: xc in xc * xc
std = np.sqrt(var + 1e-5)
xhat = xc / std
out = gamma * xhat + beta
""",
    """
dgamma, dbeta = (dout * xhat).sum(axis=0), dout.sum(axis=0)
dxhat = dout * gamma
dxc = dxhat / std - ⟨variance: xhat * np.mean(dxhat * xhat, axis=1, keepdims=True) / std⟩
dx = dxc - ⟨mean: np.mean(dxc, axis=1, keepdims=True)⟩
""",
)

BLOCKS = (IDENTITY, PROJECTION, RESNEXT, DEEP, BATCHNORM, LAYERNORM)
