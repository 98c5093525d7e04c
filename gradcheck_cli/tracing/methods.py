"""The array methods and in-place operators of a dual array that are other functions of NumPy's under another name."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class ArrayMethods:
    """Methods of `ndarray` by way of NumPy's functions, which dual arrays answer themselves."""

    __slots__ = ()

    # Those whose arguments are the function's, the array first.
    all: Any
    any: Any
    argmax: Any
    argmin: Any
    argpartition: Any
    argsort: Any
    cumprod: Any
    cumsum: Any
    diagonal: Any
    dot: Any
    max: Any
    mean: Any
    min: Any
    nonzero: Any
    prod: Any
    ptp: Any
    ravel: Any
    repeat: Any
    round: Any
    searchsorted: Any
    squeeze: Any
    std: Any
    sum: Any
    swapaxes: Any
    take: Any
    trace: Any
    var: Any
    conj: Any
    conjugate: Any

    def reshape(self: Any, *shape: Any, order: Any = "C", copy: bool | None = None) -> Any:
        """NumPy's reshape: a view where NumPy's is one."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def item(self: Any, *index: Any) -> Any:
        """One element; it keeps its tracer, where NumPy would give a bare Python number."""
        return self.reshape(-1)[index[0] if index else 0] if len(index) < 2 else self[index]

    def tolist(self: Any) -> Any:
        """Nested lists; the elements keep their tracers."""
        return [row.tolist() for row in self] if self.ndim else self

    def clip(self: Any, min: Any = None, max: Any = None, **kwargs: Any) -> Any:
        """NumPy's clip."""
        return np.clip(self, min, max, **kwargs)

    def compress(self: Any, condition: Any, axis: int | None = None) -> Any:
        """NumPy's compress."""
        return np.compress(condition, self, axis=axis)

    def fill(self: Any, item: Any) -> None:
        """NumPy's fill, in place."""
        self[...] = item

    def sort(self: Any, axis: int = -1, **kwargs: Any) -> None:
        """NumPy's sort, in place."""
        self[...] = np.sort(self, axis=axis)

    def partition(self: Any, kth: Any, axis: int = -1, **kwargs: Any) -> None:
        """NumPy's partition, in place."""
        self[...] = np.partition(self, kth, axis=axis)

    def put(self: Any, indices: Any, values: Any, mode: str = "raise") -> None:
        """NumPy's put, in place."""
        np.put(self, indices, values)


def _as_function(method: str, function: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(np, function)(self, *args, **kwargs)

    call.__name__ = method
    call.__doc__ = f"`numpy.{function}` of this array."
    return call


def _in_place(name: str) -> Callable[[Any, Any], Any]:
    plain = getattr(operator, name)
    inherited = getattr(NDArrayOperatorsMixin, f"__i{name}__")

    def operate(self: Any, other: Any) -> Any:
        # NumPy's scalars are immutable: `s += 1` names a new one.
        return plain(self, other) if self.scalar else inherited(self, other)

    return operate


for _name in ArrayMethods.__annotations__:
    setattr(ArrayMethods, _name, _as_function(_name, "conjugate" if _name == "conj" else _name))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    setattr(ArrayMethods, f"__i{_name}__", _in_place(_name))
