"""Residual and ResNeXt blocks as text: networks of layers of their own, in NumPy or JAX, with one edge dropped."""

from __future__ import annotations

Edge = tuple[str, str]
"""(what gives the value, the layer that takes it)."""

RESIDUAL: dict[str, tuple[str, ...]] = {
    "fc1": ("affine", "x", "5,8"),
    "act": ("tanh", "fc1"),
    "fc2": ("affine", "act", "8,5"),
    "sum": ("add", "fc2", "x"),
}
RESNEXT: dict[str, tuple[str, ...]] = {
    **{
        name: parts
        for k in range(3)
        for name, parts in {
            f"reduce{k}": ("affine", "x", "5,2"),
            f"act{k}": ("tanh", f"reduce{k}"),
            f"expand{k}": ("affine", f"act{k}", "2,5"),
        }.items()
    },
    "sum": ("add", "expand0", "expand1", "expand2", "x"),
}
BLOCKS = {"residual": RESIDUAL, "resnext": RESNEXT}


def inputs_of(parts: tuple[str, ...]) -> tuple[str, ...]:
    return parts[1:2] if parts[0] in ("affine", "tanh") else parts[1:]


def edges(block: str) -> list[Edge]:
    return [(giver, use) for use, parts in BLOCKS[block].items() for giver in inputs_of(parts)]


def source(block: str, library: str, dropped: Edge | None = None) -> str:
    """A module with the block as `net`; nothing goes back along the edge `dropped`."""
    lines = [
        "import numpy as np" if library == "numpy" else "import jax\nimport jax.numpy as np",
        "from gradcheck_cli import Graph",
    ]
    for use, parts in BLOCKS[block].items():
        lines += _layer(use, parts, library, dropped)
    lines += ["net = Graph()", 'x = net.input("x", "N,5")']
    for use, parts in BLOCKS[block].items():
        inputs = f', inputs={{"w": "{parts[2]}"}}' if parts[0] == "affine" else ""
        target = f"{use}_layer_forward" if library == "numpy" else f"{use}_layer"
        lines.append(f'{use} = net.layer({target}, name="{use}"{inputs})({", ".join(inputs_of(parts))})')
    lines.append("net.output(sum)")
    return "\n".join(lines) + "\n"


def _layer(use: str, parts: tuple[str, ...], library: str, dropped: Edge | None) -> list[str]:
    kind, given = parts[0], inputs_of(parts)
    factors = ["0 * " if (giver, use) == dropped else "" for giver in given]
    names = ["abcd"[k] for k in range(len(given))] if kind == "add" else ["x"]
    doc = "\n".join(f"    - {name}: shape (N, D)" for name in names)
    if kind == "affine":
        arguments, doc = "x, w", doc + "\n    - w: shape (D, M)"
        forward, kept = "x @ w", "(x, w)"
        unpack, back = "x, w = kept", f"({factors[0]}(dout @ w.T), x.T @ dout)"
    elif kind == "tanh":
        arguments, forward, kept = "x", "np.tanh(x)", "np.tanh(x)"
        unpack, back = "y = kept", f"({factors[0]}(dout * (1 - y**2)),)"
    else:
        arguments, forward, kept = ", ".join(names), " + ".join(names), "None"
        unpack, back = "pass", f"({', '.join(factor + 'dout' for factor in factors)})"
    if library == "numpy":
        returned = back[1:-2] if back.endswith(",)") else back
        return [
            f'def {use}_layer_forward({arguments}):\n    """\n{doc}\n    """\n    return {forward}, {kept}',
            f"def {use}_layer_backward(dout, kept):\n    {unpack}\n    return {returned}",
        ]
    return [
        f'@jax.custom_vjp\ndef {use}_layer({arguments}):\n    """\n{doc}\n    """\n    return {forward}',
        f"def {use}_layer_fwd({arguments}):\n    return {forward}, {kept}",
        f"def {use}_layer_bwd(kept, dout):\n    {unpack}\n    return {back}",
        f"{use}_layer.defvjp({use}_layer_fwd, {use}_layer_bwd)",
    ]
