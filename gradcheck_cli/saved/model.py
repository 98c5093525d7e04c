"""What is kept of a layer beside its report, as plain data: the same of one just checked and of one in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # a verdict from the cache is shown without NumPy
    import numpy as np
    from numpy.typing import NDArray

RIGHT, WRONG, UNKNOWN, EXCUSED = range(4)
"""The marks of elements: within the tolerance; outside; nothing can be said, for the reference is not finite or not
known; outside autodiff's tolerance, and right all the same: between the slopes at a kink, or by another reference."""

LEAF_ARRAYS = ("yours", "autodiff", "reference", "tolerance", "bars")
"""Of a leaf, in its shape (see `KeptLeaf`)."""

DIFFERENCE_ARRAYS = (
    "difference_positions",
    "difference_values",
    "difference_bars",
    "difference_forward",
    "difference_backward",
    "difference_one_sided_bars",
    "difference_lower",
    "difference_upper",
)
"""Of a leaf, one entry for each element that was differenced (see `KeptLeaf`)."""

CURVE_ARRAYS = ("curve_positions", "curve_steps", "curve_values")
"""Of a leaf, of its worst elements (see `KeptLeaf`)."""


class Stored(Protocol):
    """An array that need not be in memory yet."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Known without reading it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Known without reading it."""

    def read(self) -> NDArray[Any]:
        """The array.

        Raises:
            UserError: for one that lies in a damaged file.
        """


@dataclass(frozen=True)
class Held:
    """An array in memory."""

    array: NDArray[Any]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return self.array.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return tuple(self.array.shape)

    def read(self) -> NDArray[Any]:
        """The array."""
        return self.array


@dataclass(frozen=True)
class KeptSource:
    """Some lines of the user's source, whole: a function, a method.

    Attributes:
        line: of the first, counted from 1.
    """

    path: str
    line: int
    text: str


def digest_of_text(text: str) -> str:
    """Of a module, to see whether it has changed; "" for one that could not be read."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() if text else ""


@dataclass(frozen=True)
class KeptInput:
    """An argument of the shown draw, an array inside one, or an upstream gradient.

    Attributes:
        name: `w`, `params['w']`, `dout`.
        dimensions: a name for each axis, "" where it has none; () where unknown.
        source: where its shape came from.
        array: None for what is none (configuration).
        shown: how that shows itself.
    """

    name: str
    dimensions: tuple[str, ...] = ()
    source: str = ""
    array: Stored | None = None
    shown: str = ""


@dataclass(frozen=True)
class KeptLeaf:
    """A gradient of the shown draw.

    Attributes:
        name, gradient_name, dimensions: as the argument's report has them.
        shape: of the argument.
        dtype, gradient_dtype: as they were; narrow dtypes that NumPy does not know are kept as float32.
        arrays: by name; one that is missing was not known.
            `yours`: the user's gradient, in the shape that it came back in.
            `autodiff`: its gradient.
            `reference`: what yours was held against, where it is not autodiff's: at kinks it is yours, and NaN where
                nothing is known.
            `tolerance`: of each element, or one of no axes for all: |yours − reference| up to it is right.
            `bars`: the reference's own error, a part of the tolerance.
            `difference_positions`: in the flattened leaf, of the elements that were differenced, ascending;
            `difference_values`, `difference_bars`: central differences and how far they may be off;
            `difference_forward`, `difference_backward`, `difference_one_sided_bars`: the slopes on the two sides, NaN
                where they were not asked for; `difference_lower`, `difference_upper`: what may be taken at a kink.
            `curve_positions`: in the flattened leaf, of its worst elements, the worst first; `curve_steps`: (elements,
                steps) the steps of central differences, the longest first; `curve_values`: what they come to.
    """

    name: str
    gradient_name: str
    shape: tuple[int, ...]
    dimensions: tuple[str, ...] = ()
    dtype: str = ""
    gradient_dtype: str = ""
    arrays: Mapping[str, Stored] = field(default_factory=dict)

    def read(self, name: str) -> NDArray[Any] | None:
        """The array of this name, None where it is not known; autodiff's gradient is its own reference.

        Raises:
            UserError: where it lies in a damaged file.
        """
        stored = self.arrays.get(name)
        if stored is None and name == "reference":
            stored = self.arrays.get("autodiff")
        return None if stored is None else stored.read()


@dataclass(frozen=True)
class KeptDraw:
    """One set of inputs and what it came to.

    Attributes:
        index, seed: as `DrawReport` has them.
        dimensions: sizes by name.
        status: of this draw by itself.
        digest: of all its arrays that go in: two draws of the same digest had the same inputs.
        marks: by leaf, one of `RIGHT`, `WRONG`, `UNKNOWN`, `EXCUSED` for each element (uint8, in the leaf's shape);
            None where its values were not judged.
    """

    index: int
    seed: int
    status: str
    digest: str
    dimensions: tuple[tuple[str, int], ...] = ()
    marks: tuple[Stored | None, ...] = ()


@dataclass(frozen=True)
class KeptLayer:
    """What is kept of a layer beside its report.

    Attributes:
        name, path: as its report has them.
        forward_line: of its forward's definition, where known.
        shown: the position in `draws` of the one whose arrays are kept: the failing draw of the report, else the one
            that most of its numbers are from.
        arguments, upstream: of that draw; arrays inside an argument one by one.
        leaves: in the order of the report's arguments.
        sources: the functions of the backward, of the forward, and of blamed lines.
        digest: of the module's text as it was checked; "" where it is not known.
    """

    name: str
    path: str
    shown: int
    draws: tuple[KeptDraw, ...]
    leaves: tuple[KeptLeaf, ...]
    arguments: tuple[KeptInput, ...] = ()
    upstream: tuple[KeptInput, ...] = ()
    sources: tuple[KeptSource, ...] = ()
    forward_line: int | None = None
    digest: str = ""

    @property
    def draw(self) -> KeptDraw:
        """The draw whose arrays are kept."""
        return self.draws[self.shown]

    def value(self, leaf: KeptLeaf) -> Stored | None:
        """The argument of a leaf."""
        return next((argument.array for argument in self.arguments if argument.name == leaf.name), None)

    def source_at(self, path: str, line: int) -> KeptSource | None:
        """The lines around a line, where they are kept."""
        holding = [
            source
            for source in self.sources
            if source.path == path and 0 <= line - source.line < len(source.text.split("\n"))
        ]
        return max(holding, key=lambda source: source.line, default=None)
