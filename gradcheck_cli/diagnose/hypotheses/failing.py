"""A failing case as hypotheses see it: plain arrays, one pair a leaf, and the names of what their sizes are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.cause import is_wrong
from gradcheck_cli.diagnose.misfit import CLEAR
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.judge.words import axis_names
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.inputs.building import as_numpy
from gradcheck_cli.layers.leaves import walk
from gradcheck_cli.tracing.forward import reference_leaves
from gradcheck_cli.tracing.trace import Trace, primitive_names
from gradcheck_cli.witnesses.reference.autodiff import gradient_program
from gradcheck_cli.witnesses.subject import Subject

Array = NDArray[Any]

SELECTIONS = frozenset({"select_n", "max", "min", "reduce_max", "reduce_min", "argmax", "argmin", "sort", "top_k"})
"""Steps after which some values have no gradient."""


@dataclass(frozen=True)
class Gradient:
    """One leaf's gradient.

    Attributes:
        name: of the leaf: `w`, `params['w']`.
        said: what the user calls its gradient: `dw`.
        axes: a name for each axis; "" where it has none.
        yours, reference: in the leaf's shape, float64 or complex128.
        allowed: how far the two may be apart.
        counts: False where nothing is known of an element, or another value than the reference is right too.
        wrong: where yours is wrong.
    """

    name: str
    said: str
    axes: tuple[str, ...]
    yours: Array
    reference: Array
    allowed: NDArray[np.float64]
    counts: NDArray[np.bool_]
    wrong: NDArray[np.bool_]

    @property
    def is_wrong(self) -> bool:
        """Whether any element is."""
        return bool(self.wrong.any())

    @property
    def is_clear(self) -> bool:
        """Whether the error is far above the tolerances, and enough of the elements are known."""
        if not self.counts.any() or 2 * np.count_nonzero(self.counts) < self.counts.size:
            return False
        error = np.linalg.norm((self.yours - self.reference)[self.counts])
        return bool(error > CLEAR * np.linalg.norm(self.allowed[self.counts]))


Pulled = Callable[[Sequence[Sequence[Array]], Mapping[str, Array]], Sequence[Mapping[str, Array]]]
"""Several upstream gradients of all outputs, and leaves that are others than the case's, by name -> all leaves'
gradients for each."""


@dataclass(frozen=True)
class Output:
    """One output's upstream gradient: what the user calls it, a name for each axis, its values."""

    said: str
    axes: tuple[str, ...]
    upstream: Array


@dataclass(frozen=True)
class Failing:
    """One case.

    Attributes:
        gradients: of the leaves whose gradient can be compared, right or wrong, in the layer's order.
        sizes: of the dimensions, by name; of an axis without a name, by how one would write it: `x.shape[0]`.
        numbers: the layer's settings that are numbers, by name.
        inputs: the leaves' values.
        given: all arrays that the layer is given, labels and indices too.
        selects: the forward chooses among values, as a maximum does.
        outputs: all floating outputs.
        pulled: None where autodiff is not there.
        at_once: for how many upstream gradients it takes as long as for one.
    """

    gradients: tuple[Gradient, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    inputs: Mapping[str, Array] = field(default_factory=dict)
    given: Mapping[str, Array] = field(default_factory=dict)
    selects: bool = False
    outputs: tuple[Output, ...] = ()
    pulled: Pulled | None = None
    at_once: int = 1

    def gradient(self, name: str) -> Gradient | None:
        """The gradient of the leaf of that name."""
        return next((gradient for gradient in self.gradients if gradient.name == name), None)


def failing(subject: Subject, verdict: DrawVerdict) -> Failing:
    """What the witnesses and the judge know of a case, in plain arrays."""
    found = (_gradient(leaf) for leaf in verdict.leaves)
    gradients = tuple(gradient for gradient in found if gradient is not None)
    case = subject.case
    outputs = _outputs(subject, case.dimensions)
    inputs = dict(zip((leaf.name for leaf in case.leaves), reference_leaves(case)))
    return Failing(
        gradients,
        _sizes(case, outputs),
        _numbers(case),
        inputs,
        _arrays(case),
        isinstance(subject.traced, Trace) and not SELECTIONS.isdisjoint(primitive_names(subject.traced.jaxpr.jaxpr)),
        outputs,
        *_pulled(subject),
    )


def named_alike(case: Failing, other: Failing) -> Failing:
    """The case with those names only of its outputs' axes that the other one gives too: they are found by size."""
    outputs = tuple(
        replace(output, axes=tuple(name if name == there else "" for name, there in zip(output.axes, twin.axes)))
        for output, twin in zip(case.outputs, other.outputs)
    )
    return replace(case, outputs=outputs) if len(outputs) == len(case.outputs) else case


def have_values_in_common(first: Failing, second: Failing) -> bool:
    """Whether an array has the same values in both cases, so that a place may be one by its values."""
    pairs = [(value, second.given.get(name)) for name, value in first.given.items()]
    return any(
        np.size(value) > 1 and np.array_equal(value, other) and bool((value != value.flat[0]).any())
        for value, other in pairs
        if other is not None
    )


def _gradient(leaf: LeafVerdict) -> Gradient | None:
    if leaf.yours is None or leaf.reference is None or leaf.tolerance is None or leaf.comparison is None:
        return None
    yours = np.asarray(leaf.yours, np.result_type(leaf.yours.dtype, np.float64))
    reference = np.asarray(leaf.reference)
    counts = np.isfinite(reference)
    if not np.isfinite(yours).all():
        return None
    shape = reference.shape
    wrong = np.zeros(reference.size, np.bool_)
    if is_wrong(leaf):
        wrong[leaf.comparison.wrong] = True
    allowed = leaf.tolerance.at(np.where(counts, np.abs(reference), 0.0).reshape(-1), slice(0, reference.size))
    if leaf.bars is not None:
        allowed = allowed + np.where(np.isfinite(leaf.bars), leaf.bars, 0.0).reshape(-1)
    off = np.abs(np.where(counts, yours - reference, 0.0)).reshape(-1) > allowed
    counts = counts & (wrong | ~off).reshape(shape) if is_wrong(leaf) else counts
    received = leaf.received
    dimensions = received.leaf.dimensions
    axes = dimensions if len(dimensions) == reference.ndim else ("",) * reference.ndim
    return Gradient(
        received.leaf.name,
        received.name,
        axes,
        yours,
        np.where(np.isfinite(reference), reference, 0.0),
        allowed.reshape(shape),
        counts,
        wrong.reshape(shape),
    )


def _outputs(subject: Subject, sizes: Mapping[str, int]) -> tuple[Output, ...]:
    names, flat = subject.case.layer.upstream_names, subject.upstream.flat
    found = []
    for position, upstream in enumerate(flat):
        said = "dout" if len(flat) == 1 else f"dout[{position}]"
        if len(names) == len(flat):
            said = names[position]
        axes = axis_names(upstream.shape, (), (), sizes)
        axes = tuple("" if axes.count(axis) > 1 else axis for axis in axes)  # of two of one size neither is known
        found.append(Output(said, axes, upstream))
    return tuple(found)


def _sizes(case: Case, outputs: Sequence[Output]) -> dict[str, int]:
    sizes = dict(case.dimensions)
    shaped = [(leaf.name, leaf.value.shape, leaf.dimensions) for leaf in case.leaves]
    for name, shape, dimensions in shaped:
        for axis, size in enumerate(shape):
            known = len(dimensions) == len(shape) and dimensions[axis]
            if not known and size not in sizes.values():
                sizes[f"{name}.shape[{axis}]"] = size
    for output in outputs[:1]:  # its axes have the names of others by their sizes only
        sizes |= {f"out.shape[{axis}]": size for axis, size in enumerate(output.upstream.shape)}
    return sizes


def _numbers(case: Case) -> dict[str, float]:
    """Settings (`p`, `conv_param['stride']`) that are plain numbers, and differentiable scalars."""
    numbers = {}
    for name, value in as_numpy(case.arguments).items():
        for path, leaf in walk(value):
            is_number = isinstance(leaf, (int, float)) and not isinstance(leaf, bool)
            if is_number or (isinstance(leaf, (np.ndarray, np.number)) and np.size(leaf) == 1 and np.isrealobj(leaf)):
                key = name + "".join(f"[{part!r}]" for part in path)
                numbers[key] = float(np.asarray(leaf).reshape(()))
    return numbers


def _arrays(case: Case) -> dict[str, Array]:
    walked = ((name, path, leaf) for name, value in as_numpy(case.arguments).items() for path, leaf in walk(value))
    return {f"{name}{path}": leaf for name, path, leaf in walked if isinstance(leaf, np.ndarray)}


def _pulled(subject: Subject) -> tuple[Pulled | None, int]:
    traced = subject.traced
    if not isinstance(traced, Trace):
        return None, 1
    program = gradient_program(traced, device=subject.device)
    given = reference_leaves(subject.case)
    names = [leaf.name for leaf in subject.case.leaves]

    def pulled(several: Sequence[Sequence[Array]], changed: Mapping[str, Array]) -> list[Mapping[str, Array]]:
        leaves = [changed.get(name, value) for name, value in zip(names, given)]
        return [dict(zip(names, gradients)) for gradients in program.gradients_of_several(leaves, several)]

    return pulled, program.at_once
