"""The Jacobians of a layer as plain data: matrices, what they are made of, and what is multiplied in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """An output, whose elements are the rows of a Jacobian, or an argument, whose elements are its columns.

    Attributes:
        name: what the user calls it: `z`, `W`, `params['w']`.
        dimensions: a name for each axis, "" where it has none.
    """

    name: str
    shape: tuple[int, ...]
    dimensions: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many elements it has."""
        count = 1
        for length in self.shape:
            count *= length
        return count


@dataclass(frozen=True)
class Structure:
    """What a Jacobian is made of.

    Attributes:
        kind: for programs: `diagonal`, `kronecker`, `blocks`, ...
        name: the field's name: `diagonal`, `block diagonal, equal blocks`.
        notation: `diag(I[x > 0])`, `I_N ⊗ Wᵀ`; "" where it has none.
        sentence: what that means, for a student.
        element: its own formula of an element, "" where it has none: `z_j (I[i = j] − z_i)`.
    """

    kind: str
    name: str
    notation: str
    sentence: str
    element: str = ""


@dataclass(frozen=True)
class Block:
    """One of the blocks that a Jacobian consists of.

    Attributes:
        title: which one: `one of 3 equal blocks`.
        rows, columns: the name of each of its rows and columns: `z[0,1]`, `x[0,2]`.
    """

    title: str
    matrix: Matrix
    rows: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Jacobian:
    """The derivative of one output by one argument.

    Attributes:
        matrix: (output elements × argument elements), both in C order.
        formula: of an element: `∂z_j/∂x_i = W_ij`; "" where none was found.
        examples: the same with an index and a number: `∂z[0,1]/∂x[0,2] = W[2,1] = 0.37`.
        shapes: dimension analysis, a line each.
        without: formulas that need no Jacobian, each verified: `∂e/∂x = ∂e/∂z · Wᵀ`.
        block: where it consists of blocks, one of them.
    """

    output: Side
    argument: Side
    matrix: Matrix
    structure: Structure
    formula: str = ""
    examples: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    block: Block | None = None

    @property
    def title(self) -> str:
        """`∂z/∂x`."""
        return f"∂{self.output.name}/∂{self.argument.name}"


@dataclass(frozen=True)
class Jacobians:
    """The Jacobians of one layer or function at one set of inputs.

    Attributes:
        line: of the forward.
        sizes: of its dimensions, by name.
    """

    name: str
    path: str
    line: int
    seed: int
    jacobians: tuple[Jacobian, ...]
    sizes: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
