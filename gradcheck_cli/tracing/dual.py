"""The dual array: a NumPy value beside a JAX tracer of it.

The value decides everything that a tracer alone cannot: branches, loop bounds, masks, indices, labels. The tracer,
where there is one, records how the value depends on the differentiable inputs. A dual array without a tracer is a
constant that NumPy may still write differentiable values into (`out = np.zeros(...)`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from gradcheck_cli.layers.leaves import floating_kind
from gradcheck_cli.tracing.methods import ArrayMethods
from gradcheck_cli.tracing.recorder import current
from gradcheck_cli.tracing.storage import Storage, Tracer, widened


class DualArray(ArrayMethods, NDArrayOperatorsMixin):
    """A floating NumPy array (or NumPy scalar) that may carry a tracer.

    Attributes:
        value: what NumPy would hold here, a view in `storage.base`'s memory.
        storage: the buffer; shared by all views of it.
        scalar: NumPy would hold an immutable scalar here, so in-place operators make a new one.
    """

    __slots__ = ("_seen", "scalar", "storage", "value")
    __array_priority__ = 1000.0

    def __init__(self, value: NDArray[Any], storage: Storage, scalar: bool = False) -> None:
        self.value = value
        self.storage = storage
        self.scalar = scalar
        self._seen: tuple[int, Tracer] | None = None

    # -- the two halves -------------------------------------------------------------------------------------------

    @property
    def traced(self) -> bool:
        """Whether it depends on the differentiable inputs."""
        return self.storage.traced

    @property
    def tracer(self) -> Tracer:
        """A tracer of the value as it is now, in its shape."""
        if self._seen is None or self._seen[0] != self.storage.version or not self.traced:
            self._seen = (self.storage.version, self.storage.read(self.value))
        return self._seen[1]

    def write(self, target: NDArray[Any], positions: NDArray[np.intp], new: Any) -> None:
        """Record that `target`, the elements at `positions` of the storage, were given `new` (already in `value`)."""
        if not (self.traced or is_traced(new)):
            return
        tracer = tracer_of(new) if is_traced(new) else widened(target)
        if jnp.iscomplexobj(tracer) and floating_kind(self.value.dtype) == "f":
            tracer = tracer.real
        shape = positions.shape
        while tracer.ndim > len(shape):  # NumPy assigns (1, 3) to a target of shape (3,)
            tracer = tracer[0]
        if is_traced(new):
            tracer = current().made(target, tracer)
        self.storage.write(positions, jnp.broadcast_to(tracer, shape))

    # -- NumPy's protocols ----------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """NumPy's universal functions, on values and tracers alike."""
        from gradcheck_cli.tracing.ufuncs import apply_ufunc

        return apply_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """NumPy's other functions."""
        from gradcheck_cli.tracing.functions import call

        return call(function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The bare value, for code that does not speak NumPy's protocols: a cut, if a gradient flows here."""
        self._no_cut("code that does not speak NumPy's array protocols reads the bare numbers")
        return np.array(self.value, dtype=dtype, copy=True)

    def __jax_array__(self) -> Tracer:
        """The tracer, for a forward that mixes NumPy with jax.numpy."""
        return self.tracer

    # -- what it looks like ---------------------------------------------------------------------------------------

    shape = property(lambda self: self.value.shape, lambda self, shape: self._set_shape(shape))
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    nbytes = property(lambda self: self.value.nbytes)
    itemsize = property(lambda self: self.value.itemsize)
    strides = property(lambda self: self.value.strides)
    flags = property(lambda self: self.value.flags)
    base = property(lambda self: None if self.value is self.storage.base else self.storage.base)
    T = property(lambda self: self._view(self.value.T))
    mT = property(lambda self: self._view(np.swapaxes(self.value, -1, -2)))
    flat = property(lambda self: self.reshape(-1), lambda self, new: self.reshape(-1).__setitem__(slice(None), new))

    @property
    def real(self) -> Any:
        """The real part."""
        return (
            self
            if floating_kind(self.value.dtype) == "f"
            else new(np.array(self.value.real), self._if_traced(lambda t: t.real))
        )

    @property
    def imag(self) -> Any:
        """The imaginary part."""
        if floating_kind(self.value.dtype) == "f":
            return constant(np.zeros_like(self.value))
        return new(np.array(self.value.imag), self._if_traced(lambda t: t.imag))

    def __getattr__(self, name: str) -> Any:
        """What NumPy's arrays have and these do not: bytes, memory, files."""
        if not hasattr(self.value, name):  # the class has a `__dict__`, an array has none
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        self._no_cut(f"`.{name}` of an array reads its bare memory")
        return getattr(self.value, name)

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return repr(self.value[()] if self.scalar else self.value)

    def __str__(self) -> str:
        return str(self.value[()] if self.scalar else self.value)

    def __format__(self, specification: str) -> str:
        return format(self.value[()] if self.value.ndim == 0 else self.value, specification)

    def __hash__(self) -> int:
        if not self.scalar:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        return hash(self.value[()])

    # -- leaving the array world ----------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        if self.traced:
            current().note(
                "`int(...)` of a value that depends on the input: a step function, so no gradient flows past it"
            )
        return int(self.value)

    __index__ = None  # a floating array is no index, in NumPy neither

    def __trunc__(self) -> int:
        return self.__int__()

    def __float__(self) -> float:
        self._no_cut("`float(...)` takes a bare number out of the computation")
        return float(self.value)

    def __complex__(self) -> complex:
        self._no_cut("`complex(...)` takes a bare number out of the computation")
        return complex(self.value)

    def __round__(self, digits: int | None = None) -> Any:
        return int(self) if digits is None else np.round(self, digits)

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[position] for position in range(len(self.value)))

    def __contains__(self, item: Any) -> bool:
        return bool(np.any(self == item))

    def __copy__(self) -> DualArray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> DualArray:
        return self.copy()

    # -- indexing -------------------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        index = plain_index(index)
        found = self.value[index]
        if isinstance(found, np.ndarray) and (self.storage.owns(found) or found.size == 0):
            return self._view(found)
        if not self.traced:
            return constant(found)
        return new(found, self.storage.take(self.storage.positions(self.value)[index]))

    def __setitem__(self, index: Any, item: Any) -> None:
        index = plain_index(index)
        item = as_dual_or_plain(item)
        needs_positions = self.traced or is_traced(item)
        tracer_first = detached(item) if needs_positions else item  # read before NumPy writes: they may overlap
        self.value[index] = value_of(item)
        if needs_positions:
            target = self.value[index]
            basic = isinstance(target, np.ndarray) and self.storage.owns(target)
            positions = self.storage.positions(target) if basic else self.storage.positions(self.value)[index]
            self.write(np.asarray(target), np.asarray(positions), tracer_first)

    # -- methods: views and copies --------------------------------------------------------------------------------

    def transpose(self, *axes: Any) -> DualArray:
        """NumPy's transpose, a view."""
        return self._view(self.value.transpose(*axes))

    def view(self, *args: Any) -> DualArray:
        """The same memory; a view as another dtype cannot be followed."""
        subclass = args and isinstance(args[0], type) and issubclass(args[0], np.ndarray)
        if args and not subclass and np.dtype(args[0]) != self.dtype:
            raise current().fail("`.view(...)` reads the array's bytes as another type")
        return self._view(self.value[...])

    def copy(self, order: Any = "C") -> DualArray:
        """New memory, same value."""
        return new(self.value.copy(), self.tracer if self.traced else None)  # type: ignore[no-any-return]

    def flatten(self, order: Any = "C") -> Any:
        """A flat copy."""
        positions = self.storage.positions(self.value).flatten(order)
        return new(self.value.flatten(order), self.storage.take(positions) if self.traced else None)

    def astype(self, dtype: Any, **kwargs: Any) -> Any:
        """NumPy's cast of the value; the tracer stays in float64, where the reference is computed."""
        if kwargs.get("copy") is False and np.dtype(dtype) == self.dtype:
            return self
        value = self.value.astype(dtype, **kwargs)
        if not floating_kind(value.dtype):
            if self.traced and value.dtype.kind in "iu":
                current().note("a cast to integers: a step function, so no gradient flows past it")
            return value
        is_real = floating_kind(value.dtype) == "f"
        return new(value, self._if_traced(lambda t: t.real if is_real and jnp.iscomplexobj(t) else t))

    # -- inside ---------------------------------------------------------------------------------------------------

    def _view(self, value: NDArray[Any]) -> DualArray:
        return DualArray(value, self.storage)

    def _if_traced(self, function: Callable[[Tracer], Tracer]) -> Tracer | None:
        return function(self.tracer) if self.traced else None

    def _set_shape(self, shape: Any) -> None:
        self.value.shape = shape
        self._seen = None

    def _no_cut(self, what: str) -> None:
        if self.traced:
            raise current().fail(f"{what}, so no gradient flows past it")


# -- making and unmaking -------------------------------------------------------------------------------------------


def constant(value: Any) -> Any:
    """A dual array without a tracer for a floating NumPy array or scalar; anything else as it is."""
    if is_floating(value):
        scalar = not isinstance(value, np.ndarray)
        keep = not scalar and value.flags.c_contiguous and value.flags.writeable
        base: NDArray[Any] = np.asarray(value) if keep else np.array(value, order="C")
        return DualArray(base, Storage(base, None), scalar)
    return value


def new(value: Any, tracer: Tracer | None) -> Any:
    """A dual array in memory of its own. A value that is not floating loses its tracer: it is piecewise constant.

    Raises:
        TraceError: value and tracer have different shapes.
    """
    if tracer is None or not is_floating(value):
        return constant(value)
    scalar = not isinstance(value, np.ndarray)
    base = np.array(value, copy=True, order="C")
    if tracer.shape != base.shape:
        raise current().fail(f"NumPy gives shape {base.shape} here where JAX gives {tracer.shape}")
    if floating_kind(base.dtype) == "f" and jnp.iscomplexobj(tracer):
        tracer = tracer.real
    tracer = current().made(base, tracer)
    return DualArray(base, Storage(base, tracer), scalar)


def is_floating(value: Any) -> bool:
    """Whether NumPy made a floating or complex array or scalar: what a gradient can flow through."""
    return isinstance(value, (np.ndarray, np.generic)) and bool(floating_kind(value.dtype))


def is_traced(item: Any) -> bool:
    """Whether `item` is a dual array that depends on the differentiable inputs."""
    return isinstance(item, DualArray) and item.traced


def value_of(item: Any) -> Any:
    """What NumPy would see: the value of a dual array, anything else as it is."""
    if isinstance(item, DualArray):
        return item.value[()] if item.scalar else item.value
    return item


def tracer_of(item: Any) -> Any:
    """What JAX should see: the tracer of a dual array that has one, a JAX constant of one that has none."""
    if isinstance(item, DualArray):
        return item.tracer if item.traced else widened(item.value)
    if isinstance(item, np.ndarray) and floating_kind(item.dtype):
        return widened(item)
    return item


def detached(item: Any) -> Any:
    """A snapshot of a dual array that later writes to its storage do not reach."""
    if is_traced(item):
        value = np.array(item.value, copy=True)
        return DualArray(value, Storage(value, item.tracer))
    return item


def as_dual_or_plain(item: Any) -> Any:
    """`item`, with lists and tuples that hold dual arrays joined into one dual array, as NumPy would on assignment."""
    if isinstance(item, (list, tuple)) and holds_dual(item):
        from gradcheck_cli.tracing.functions import array_of

        return array_of(item)
    if isinstance(item, lax.Tracer if hasattr(lax, "Tracer") else ()):
        raise current().fail("a jax.numpy array is written into a NumPy array")
    return item


def holds_dual(item: Any) -> bool:
    """Whether `item` is a dual array or a nested list, tuple or dict that holds one."""
    if isinstance(item, DualArray):
        return True
    if isinstance(item, (list, tuple)):
        return any(holds_dual(part) for part in item)
    return isinstance(item, dict) and any(holds_dual(part) for part in item.values())


def plain_index(index: Any) -> Any:
    """An index with values in place of dual arrays (NumPy will say what is wrong with a floating one)."""
    if isinstance(index, tuple):
        return tuple(plain_index(part) for part in index)
    if isinstance(index, DualArray):
        return value_of(index)
    if isinstance(index, list) and holds_dual(index):
        return [plain_index(part) for part in index]
    return index
