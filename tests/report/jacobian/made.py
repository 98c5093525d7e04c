"""Jacobians made by hand."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console

from gradcheck_cli.report.jacobian.model import Block, Jacobian, Jacobians, Side, Structure
from gradcheck_cli.report.jacobian.table import print_jacobians

LINEAR = Jacobian(
    output=Side("z", (1, 2), ("", "N")),
    argument=Side("x", (1, 3), ("", "M")),
    matrix=np.array([[0.37, -1.5, 0.0], [2.0, 0.25, -0.001]]),
    structure=Structure("matrix", "W transposed", "Wᵀ", "A linear map: the derivative is the matrix W itself."),
    formula="∂z_j/∂x_i = W_ij",
    examples=("∂z[0,0]/∂x[0,1] = W[1,0] = -1.5",),
    shapes=("∂e/∂x (1×M) = ∂e/∂z (1×N) · ∂z/∂x (N×M)",),
    without=("∂e/∂x = ∂e/∂z · Wᵀ",),
)


def square(size: int) -> Jacobian:
    """Two diagonals, of either sign."""
    matrix = np.eye(size) - 0.25 * np.eye(size, k=1)
    side = Side("x", (size,))
    told = Structure("banded", "banded: bandwidth 2", "", "Two neighbours.")
    block = Block("the first of 2 blocks", matrix[:2, :2], ("z[0]", "z[1]"), ("x[0]", "x[1]"))
    return Jacobian(Side("z", (size,)), side, matrix, told, block=block)


def page(*jacobians: Jacobian, width: int = 80, encoding: str = "utf-8") -> str:
    """What a terminal of this width shows."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, width=width, no_color=True, color_system=None)
    print_jacobians(Jacobians("layer", "layers.py", 3, 0, jacobians, (("N", 2), ("M", 3)), ("a note",)), console)
    stream.flush()
    stream.seek(0)
    return stream.read()
