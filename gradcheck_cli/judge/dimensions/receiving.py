"""From what the backward returned or stored to one array per leaf: structure and dtype (GC104, GC105)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.words import argument_gradient_name, gradient_name, listing, shape_text
from gradcheck_cli.layers.case import Case, Leaf
from gradcheck_cli.layers.conventions import naming
from gradcheck_cli.layers.layer import Convention, Layer
from gradcheck_cli.layers.leaves import at, walk
from gradcheck_cli.layers.precision import epsilon, is_floating_dtype
from gradcheck_cli.report.model import Finding


@dataclass(frozen=True)
class Received:
    """What came back for one leaf.

    Attributes:
        name: what the user calls this gradient.
        array: the gradient as an array, whatever its shape; None where nothing usable came back.
        dtype: in which it came back; None for Python's own numbers and lists.
        missing: None or nothing came back.
        findings: about its structure and dtype.
        notes: sentences for the report.
    """

    leaf: Leaf
    name: str
    array: NDArray[Any] | None = None
    dtype: np.dtype[Any] | None = None
    missing: bool = False
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def has_right_shape(self) -> bool:
        """Whether the values can be judged as they are."""
        return self.array is not None and self.array.shape == self.leaf.value.shape

    @property
    def usable(self) -> NDArray[Any] | None:
        """The array where its shape is right."""
        return self.array if self.has_right_shape else None


def receive(case: Case, gradients: Mapping[str, Any], finest: float) -> tuple[Received, ...]:
    """One `Received` per leaf, in order; see `dimensions.sort_out` for `finest`."""
    received = []
    said = set[str]()
    for leaf in case.leaves:
        value, problem = _find(case, leaf, gradients.get(leaf.argument))
        if problem:
            findings = () if problem in said else (finding(case, "GC105", problem, leaf.name),)
            said.add(problem)
            left_out = _is_left_out(case, leaf, gradients.get(leaf.argument))
            received.append(Received(leaf, gradient_name(case.layer, leaf), missing=left_out, findings=findings))
        else:
            received.append(_judge_dtype(case, _convert(case, leaf, value), finest))
    return tuple(received)


def surplus_keys(case: Case, gradients: Mapping[str, Any]) -> tuple[Finding, ...]:
    """GC105 for arrays inside a gradient at places where its argument has nothing."""
    findings = []
    for argument in dict.fromkeys(leaf.argument for leaf in case.leaves if leaf.path):
        known = {path for path, _ in walk(case.arguments[argument])}
        prefixes = {path[:length] for path in known for length in range(len(path) + 1)}
        extra = sorted(
            {
                _path_text(path)
                for path, value in walk(gradients.get(argument))
                if value is not None and path not in prefixes and path[:-1] in prefixes - known
            }
        )
        if extra:
            name = argument_gradient_name(case.layer, argument)
            message = f"`{name}` has {listing([name + key for key in extra])}, but `{argument}` has nothing there"
            findings.append(finding(case, "GC105", message, argument))
    return tuple(findings)


def finding(case: Case, code: str, message: str, argument: str | None, mend: str | None = None) -> Finding:
    """A finding at the backward's definition."""
    return Finding(code, message, str(case.layer.path), case.layer.line, argument, mend=mend)


def _is_left_out(case: Case, leaf: Leaf, gradient: Any) -> bool:
    """Whether a dictionary of gradients just has no such key, and none that its argument has not: it may be zero."""
    if not isinstance(gradient, Mapping) or not gradient or len(leaf.path) != 1:
        return False
    return leaf.path[0] not in gradient and set(gradient) < set(case.arguments[leaf.argument])


def _find(case: Case, leaf: Leaf, gradient: Any) -> tuple[Any, str]:
    """The node of the gradient that belongs to the leaf, or a sentence on where the structures part."""
    node = gradient
    name = argument_gradient_name(case.layer, leaf.argument)
    for depth, key in enumerate(leaf.path):
        if node is None:
            return None, ""
        try:
            node = at(node, (key,))
        except (LookupError, TypeError):
            here = name + _path_text(leaf.path[:depth])
            keys = {path[0] for path, _ in walk(node) if path}
            expected = {path[0] for path, _ in walk(at(case.arguments[leaf.argument], leaf.path[:depth])) if path}
            if not keys:
                container = f"a container with {_keys_text(expected)} like `{leaf.argument}`"
                return None, f"`{here}` is {_kind(node)}, expected {container}"
            return None, f"`{here}` has no {key!r}: it has {_keys_text(keys)}, expected {_keys_text(expected)}"
    return node, ""


def _convert(case: Case, leaf: Leaf, value: Any) -> Received:
    name = gradient_name(case.layer, leaf)
    blank = Received(leaf, name)
    if value is None or str(getattr(value, "dtype", "")) == "[('float0', 'V')]":
        return replace(blank, missing=True)
    if isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic):
        return replace(blank, array=np.asarray(value))
    try:
        array = np.asarray(value)
    except Exception:
        array = None
    wanted = f"expected an array of shape {shape_text(leaf.value.shape, leaf.dimensions)}"
    if isinstance(value, (list, tuple)):
        if array is None or array.dtype.kind not in "biufc":
            problem = f"`{name}` is {_kind(value)}, {wanted}"
            return replace(blank, findings=(finding(case, "GC105", problem, leaf.name),))
        note = f"`{name}` is a {type(value).__name__} of numbers, not an array; its values were judged."
        return replace(blank, array=array, notes=(note,))
    if array is None or (array.dtype.kind not in "biufcO" and not is_floating_dtype(array.dtype)):
        return replace(blank, findings=(finding(case, "GC105", f"`{name}` is {_kind(value)}, {wanted}", leaf.name),))
    if array.dtype.kind == "O" and not hasattr(value, "dtype"):
        return replace(blank, findings=(finding(case, "GC105", f"`{name}` is {_kind(value)}, {wanted}", leaf.name),))
    return replace(blank, array=array, dtype=array.dtype)


def _is_factor(layer: Layer) -> bool:
    """Whether what comes back is multiplied with an upstream gradient elsewhere: `np.where(x > 0, 1, 0)` will do."""
    return layer.unit_upstream and layer.convention is not Convention.LOSS and not naming.is_loss(layer.name)


def _judge_dtype(case: Case, received: Received, finest: float) -> Received:
    array, dtype, expected = received.array, received.dtype, received.leaf.value.dtype
    if array is None:
        return received
    problem = ""
    if array.dtype.kind == "c" and expected.kind != "c":
        if dtype is not None or np.any(array.imag != 0):
            rest = "its imaginary part is zero" if not np.any(array.imag != 0) else "its imaginary part is not zero"
            problem = f"`{received.name}` is {array.dtype}, but `{received.leaf.name}` is real ({expected}); {rest}"
        array = array.real
    elif dtype is not None and dtype.kind in "biuO":
        if dtype.kind != "O" and _is_factor(case.layer):
            return replace(received, array=array.astype(expected), dtype=expected)
        problem = f"`{received.name}` is {dtype}, expected {expected}"
        array = _numbers(array)
    elif dtype is not None and epsilon(dtype) > max(epsilon(expected), finest):
        problem = f"`{received.name}` is {dtype}, narrower than `{received.leaf.name}`, which is {expected}"
    if array is not None and array.dtype.kind not in "biufc":
        array = array.astype(np.float32)
    findings = (finding(case, "GC104", problem, received.leaf.name, _dtype_mend(received)),) if problem else ()
    return replace(received, array=array, findings=(*received.findings, *findings))


def _dtype_mend(received: Received) -> str:
    wanted = received.leaf.value.dtype
    if received.array is not None and received.array.dtype.kind == "c" and wanted.kind != "c":
        return f"return its real part, `np.real({received.name})`: a real argument has a real gradient"
    return f"make it {wanted}, as `{received.leaf.name}` is"


def _numbers(array: NDArray[Any]) -> NDArray[Any] | None:
    """The values of an object array as numbers, None where some are none."""
    if array.dtype.kind != "O":
        return array
    for dtype in (np.float64, np.complex128):
        try:
            return array.astype(dtype)
        except (TypeError, ValueError):
            continue
    return None


def _kind(value: Any) -> str:
    name = "array" if isinstance(value, np.ndarray) else type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _keys_text(keys: set[Any]) -> str:
    return ", ".join(sorted(repr(key) for key in keys)) or "nothing"


def _path_text(path: tuple[Any, ...]) -> str:
    return "".join(f"[{key!r}]" for key in path)
