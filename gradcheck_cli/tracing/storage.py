"""The memory behind dual arrays: NumPy's own buffer beside a tracer of what is in it.

NumPy's memory model is followed to the letter by following NumPy's memory: every view of a buffer is a real NumPy view
of `Storage.base`, and which elements it shows is read off its address and strides. So `reshape`, `.T`, slices,
`as_strided` and `sliding_window_view` need no rules of their own, and writing through any of them finds its target.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from gradcheck_cli.layers.leaves import floating_kind

Tracer = Any
Positions = NDArray[np.intp]


class Storage:
    """One buffer.

    Attributes:
        base: the values, C-contiguous; every view of this storage lies in its memory.
        version: grows with each differentiable write, so that views know when what they read is old.
    """

    __slots__ = ("_pending", "_reads", "_tracer", "base", "version")

    def __init__(self, base: NDArray[Any], tracer: Tracer | None) -> None:
        self.base = base
        self.version = 0
        self._tracer = tracer
        self._pending: list[tuple[Positions, Tracer]] = []
        self._reads: dict[tuple[Any, ...], Tracer] = {}

    @property
    def traced(self) -> bool:
        """Whether anything in here depends on the differentiable inputs."""
        return self._tracer is not None or bool(self._pending)

    def owns(self, view: NDArray[Any]) -> bool:
        """Whether `view` lies in this storage's memory."""
        if view.size == 0 or self.base.size == 0:
            return False
        start = self.base.__array_interface__["data"][0]
        address: int = view.__array_interface__["data"][0]
        return bool(start <= address < start + self.base.nbytes)

    def positions(self, view: NDArray[Any]) -> Positions:
        """The flat index in `base` of each element of `view`, in the view's shape."""
        if _is_whole(self.base, view):
            return _counting(view.shape)
        offset, strides = self._layout(view)
        result = np.full(view.shape, offset, dtype=np.intp)
        for axis, (size, stride) in enumerate(zip(view.shape, strides)):
            steps = np.arange(size, dtype=np.intp) * stride
            result += steps.reshape((-1,) + (1,) * (view.ndim - axis - 1))
        return result

    def read(self, view: NDArray[Any]) -> Tracer:
        """A tracer of what `view` shows now, in the view's shape."""
        tracer = self._settled()
        if _is_whole(self.base, view):
            return tracer
        if view.size == 0:
            return jnp.zeros(view.shape, tracer.dtype)
        # Naive loops read the same window, row or element again and again: one slice serves all.
        key = (view.shape, *self._layout(view))
        if key not in self._reads:
            self._reads[key] = _strided(tracer, *key)
        return self._reads[key]

    def take(self, positions: Positions) -> Tracer:
        """A tracer of the elements at flat `positions`."""
        return _take(self._settled().reshape(-1), positions)

    def write(self, positions: Positions, tracer: Tracer) -> None:
        """`base` was given new values at `positions`; `tracer`, of the same shape, is what they are."""
        self.version += 1
        self._reads.clear()
        if positions.size == self.base.size and np.array_equal(positions.reshape(-1), _counting((self.base.size,))):
            self._pending.clear()
            self._tracer = tracer.reshape(self.base.shape)
            return
        self._pending.append((positions.reshape(-1), tracer.reshape(-1)))

    def _layout(self, view: NDArray[Any]) -> tuple[int, tuple[int, ...]]:
        item = self.base.itemsize
        start = self.base.__array_interface__["data"][0]
        offset, rest = divmod(view.__array_interface__["data"][0] - start, item)
        if rest or any(stride % item for stride in view.strides):
            raise ValueError("a view between elements")
        # A stride along an axis of one element is arbitrary in NumPy; zero is the one that never misleads.
        strides = tuple(stride // item if size > 1 else 0 for size, stride in zip(view.shape, view.strides))
        return offset, strides

    def _settled(self) -> Tracer:
        """The tracer of the whole buffer, pending writes included.

        Writes wait until somebody reads: a loop that fills a buffer element by element then costs one concatenation
        and one gather instead of a copy of the buffer an element.
        """
        if not self._pending:
            if self._tracer is None:
                return widened(self.base)
            return self._tracer
        size = self.base.size
        source = np.arange(size, dtype=np.intp)
        written = size
        for positions, _ in self._pending:
            source[positions] = written + np.arange(positions.size, dtype=np.intp)
            written += positions.size
        parts = [tracer for _, tracer in self._pending]
        if (source >= size).all():
            source -= size
        else:
            parts.insert(0, (widened(self.base) if self._tracer is None else self._tracer).reshape(-1))
        kind = jnp.result_type(*(part.dtype for part in parts))
        joined = lax.concatenate([part.astype(kind) for part in parts], 0) if len(parts) > 1 else parts[0]
        if source.size != joined.size or not np.array_equal(source, _counting((size,))):
            joined = _take(joined, source)
        self._tracer = joined.reshape(self.base.shape)
        self._pending.clear()
        return self._tracer


def widened(value: Any) -> Tracer:
    """A JAX constant of `value`, in float64 or complex128 where it is floating. Always a copy: NumPy's may change."""
    array = np.array(value, copy=True)
    kind = floating_kind(array.dtype)
    if kind == "f" and array.dtype != np.float64:
        array = array.astype(np.float64)
    elif kind == "c" and array.dtype != np.complex128:
        array = array.astype(np.complex128)
    return jnp.asarray(array)


def _is_whole(base: NDArray[Any], view: NDArray[Any]) -> bool:
    return view is base or (
        view.shape == base.shape
        and view.flags.c_contiguous
        and view.__array_interface__["data"][0] == base.__array_interface__["data"][0]
    )


@lru_cache(maxsize=64)
def _counting(shape: tuple[int, ...]) -> Positions:
    return np.arange(int(np.prod(shape)), dtype=np.intp).reshape(shape)


def _take(flat: Tracer, positions: Positions) -> Tracer:
    numbers = lax.GatherDimensionNumbers(offset_dims=(), collapsed_slice_dims=(0,), start_index_map=(0,))
    return lax.gather(
        flat, positions[..., None], numbers, slice_sizes=(1,), mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS
    )


def _strided(tracer: Tracer, shape: tuple[int, ...], offset: int, strides: tuple[int, ...]) -> Tracer:
    """What a view with these strides (in elements) shows of a C-contiguous `tracer`."""
    reverse = [axis for axis, stride in enumerate(strides) if stride < 0]
    offset += sum((shape[axis] - 1) * strides[axis] for axis in reverse)
    once = tuple(1 if stride == 0 else size for size, stride in zip(shape, strides))
    result = _slice(tracer, once, offset, tuple(abs(stride) for stride in strides))
    if reverse:
        result = lax.rev(result, reverse)
    return jnp.broadcast_to(result, shape) if once != shape else result


def _slice(tracer: Tracer, shape: tuple[int, ...], offset: int, strides: tuple[int, ...]) -> Tracer:
    """What a view with these non-negative strides (in elements) shows of a C-contiguous `tracer`.

    Tried as a strided slice of the buffer in its own shape, its axes permuted and new ones put in, which XLA and its
    transpose do well; a gather otherwise (overlapping windows, diagonals, reshapes that mix axes).
    """
    extents = _row_major_strides(tracer.shape)
    starts = _unravel(offset, tracer.shape, extents)
    owners = _owners(tracer.shape, extents, starts, shape, strides)
    if owners is None:
        # Contiguous runs that cut across the buffer's own axes: a slice of the flat buffer, reshaped.
        if strides == tuple(s if n > 1 else 0 for s, n in zip(_row_major_strides(shape), shape)):
            count = int(np.prod(shape))
            return lax.slice(tracer.reshape(-1), (offset,), (offset + count,)).reshape(shape)
        positions = np.full(shape, offset, dtype=np.intp)
        for axis, (size, stride) in enumerate(zip(shape, strides)):
            positions += (np.arange(size, dtype=np.intp) * stride).reshape((-1,) + (1,) * (len(shape) - axis - 1))
        return _take(tracer.reshape(-1), positions)
    limits, steps = list(starts), [1] * len(starts)
    for axis, owner in enumerate(owners):
        if owner is not None:
            steps[owner] = strides[axis] // extents[owner]
            limits[owner] += (shape[axis] - 1) * steps[owner]
    result = lax.slice(tracer, tuple(starts), tuple(limit + 1 for limit in limits), tuple(steps))
    order = [owner for owner in owners if owner is not None]
    kept = sorted(order)
    if order != kept:
        result = result.reshape(tuple(result.shape[axis] for axis in kept))
        result = lax.transpose(result, [kept.index(owner) for owner in order])
    return result.reshape(shape) if result.shape != shape else result


def _owners(
    base: tuple[int, ...], extents: tuple[int, ...], starts: list[int], shape: tuple[int, ...], strides: tuple[int, ...]
) -> list[int | None] | None:
    """Which axis of the buffer each axis of the view walks along (None: along none, it has one element)."""
    owners: list[int | None] = []
    for size, stride in zip(shape, strides):
        if size == 1:
            owners.append(None)
            continue
        if stride == 0:
            return None
        # The largest extent that divides the stride and along which the whole walk stays inside.
        owner = next(
            (
                axis
                for axis, extent in enumerate(extents)
                if base[axis] > 1
                and axis not in owners
                and stride % extent == 0
                and starts[axis] + (size - 1) * (stride // extent) < base[axis]
            ),
            None,
        )
        if owner is None:
            return None
        owners.append(owner)
    return owners


def _row_major_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def _unravel(offset: int, shape: tuple[int, ...], extents: tuple[int, ...]) -> list[int]:
    return [(offset // extent) % size if size else 0 for size, extent in zip(shape, extents)]
