"""Data as bytes and back: JSON for the structure, the arrays' own bytes beside it. Nothing is ever unpickled.

What comes back can only be plain data, arrays, and the dataclasses and enumerations that a `Codec` was made for. An
object of the user's comes back as `Shown`: its type's name and how it shows itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a verdict without arrays is read without NumPy
    import numpy as np

TAG = "~"
"""The key that marks an object which is no plain dictionary."""

_DEEPEST = 60
"""Levels of nesting; a container that holds itself has no end."""

_LONGEST_SHOWN = 10_000
"""Characters kept of how an object shows itself."""


class Undecodable(ValueError):
    """These bytes are nothing that a codec wrote."""


@dataclass(frozen=True)
class Shown:
    """An object of the user's, as it showed itself where it lived."""

    type_name: str
    text: str

    def __repr__(self) -> str:
        return self.text


class Codec:
    """Writes and reads plain data, arrays, and the given types.

    Args:
        types: dataclasses and enumerations, by whose names they are known.
    """

    def __init__(self, types: Iterable[type]) -> None:
        self._types: Mapping[str, type] = {kind.__name__: kind for kind in (*types, Shown)}

    def encode(self, value: Any) -> tuple[bytes, bytes]:
        """The structure as JSON, and the bytes of all arrays in it one after the other."""
        writer = _Writer(self._types)
        tree = writer.tree(value)
        # surrogates from the user's strings are kept, as escapes
        return json.dumps(tree, ensure_ascii=True, separators=(",", ":")).encode("ascii"), b"".join(writer.buffers)

    def decode(self, structure: bytes, buffers: bytes) -> Any:
        """What was encoded.

        Raises:
            Undecodable: for anything else.
        """
        try:
            return _Reader(self._types, memoryview(buffers)).value(json.loads(structure))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
            raise Undecodable(f"{type(error).__name__}: {error}") from error


class _Writer:
    def __init__(self, types: Mapping[str, type]) -> None:
        self._types = types
        self._offset = 0
        self.buffers: list[bytes] = []

    def tree(self, value: Any, depth: int = 0) -> Any:
        """What JSON can carry of it."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if depth > _DEEPEST:
            return self._shown(value)
        if type(value) in (list, tuple):
            items = [self.tree(item, depth + 1) for item in value]
            return items if type(value) is list else {TAG: "tuple", "items": items}
        if type(value) is dict:
            return self._dictionary(value, depth)
        return self._tagged(value, depth)

    def _dictionary(self, value: dict[Any, Any], depth: int) -> Any:
        if all(type(key) is str for key in value) and TAG not in value:
            return {key: self.tree(item, depth + 1) for key, item in value.items()}
        return {TAG: "dict", "items": [[self.tree(part, depth + 1) for part in pair] for pair in value.items()]}

    def _tagged(self, value: Any, depth: int) -> Any:
        name = type(value).__name__
        if self._types.get(name) is type(value):
            if isinstance(value, Enum):
                return {TAG: name, "value": self.tree(value.value, depth + 1)}
            parts = {name: self.tree(getattr(value, name), depth + 1) for name in _field_names(type(value))}
            return {TAG: type(value).__name__, **parts}
        if type(value) is complex:
            return {TAG: "complex", "parts": [value.real, value.imag]}
        if isinstance(value, PurePath):
            return {TAG: "path", "path": str(value)}
        if hasattr(value, "dtype") and hasattr(value, "shape"):
            return self._array(value, depth)
        return self._shown(value)

    def _array(self, value: Any, depth: int) -> Any:
        import numpy as np

        try:
            array = np.asarray(value)
            if array.dtype.hasobject:
                items = [self.tree(item, depth + 1) for item in array.reshape(-1).tolist()]
                return {TAG: "objects", "shape": list(array.shape), "items": items}
            name = _dtype_name(array.dtype)
            content = array.tobytes()
        except Exception:  # a stranger's __array__ may raise anything
            return self._shown(value)
        if name is None:
            return self._shown(value)
        tag = "scalar" if isinstance(value, np.generic) else "array"
        start, self._offset = self._offset, self._offset + len(content)
        self.buffers.append(content)
        return {TAG: tag, "dtype": name, "shape": list(array.shape), "at": [start, self._offset]}

    def _shown(self, value: Any) -> Any:
        try:
            text = repr(value)
        except Exception:  # the user's own __repr__
            text = f"<{type(value).__name__}>"
        return {TAG: "Shown", "type_name": type(value).__name__, "text": text[:_LONGEST_SHOWN]}


class _Reader:
    def __init__(self, types: Mapping[str, type], buffers: memoryview) -> None:
        self._types = types
        self._buffers = buffers
        self._tags: Mapping[str, Callable[[dict[str, Any]], Any]] = {
            "tuple": lambda tree: tuple(self.value(item) for item in tree["items"]),
            "dict": lambda tree: {self.value(key): self.value(item) for key, item in tree["items"]},
            "complex": lambda tree: complex(*tree["parts"]),
            "path": lambda tree: Path(tree["path"]),
            "objects": self._objects,
            "array": self._array,
            "scalar": lambda tree: self._array(tree)[()],
        }

    def value(self, tree: Any) -> Any:
        """The value that this tree stands for."""
        if isinstance(tree, list):
            return [self.value(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        if TAG not in tree:
            return {key: self.value(item) for key, item in tree.items()}
        tag = tree[TAG]
        if tag in self._tags:
            return self._tags[tag](tree)
        kind = self._types[tag]
        parts = {key: self.value(item) for key, item in tree.items() if key != TAG}
        if is_dataclass(kind) and set(parts) != set(_field_names(kind)):
            raise Undecodable(f"not the fields of {tag}")
        return kind(**parts)

    def _array(self, tree: dict[str, Any]) -> Any:
        import numpy as np

        start, end = tree["at"]
        shape = tuple(tree["shape"])
        dtype = _dtype(tree["dtype"])
        if not 0 <= start <= end <= len(self._buffers) or math.prod(shape) * dtype.itemsize != end - start:
            raise Undecodable("an array's bytes do not fit its shape")
        if start == end:
            return np.zeros(shape, dtype)
        # a copy: the frame's bytes may go, and arrays may be written to
        return np.frombuffer(self._buffers[start:end], dtype).reshape(shape).copy()

    def _objects(self, tree: dict[str, Any]) -> Any:
        import numpy as np

        items = [self.value(item) for item in tree["items"]]
        array = np.empty(len(items), dtype=object)
        array[:] = items
        return array.reshape(tree["shape"])


def _field_names(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)]


def _dtype_name(dtype: np.dtype[Any]) -> str | None:
    """What `_dtype` finds it by; None for one that has no such name."""
    if dtype.kind in "biufcSUmM":
        return dtype.str
    try:
        return dtype.name if dtype.kind == "V" and _dtype(dtype.name) == dtype else None
    except Undecodable:
        return None


def _dtype(name: str) -> np.dtype[Any]:
    """A dtype of NumPy's, or one of the narrow ones that come with JAX (`bfloat16`).

    Raises:
        Undecodable: for a name that neither has.
    """
    import numpy as np

    try:
        dtype = np.dtype(name)
    except TypeError:
        import ml_dtypes

        scalar = getattr(ml_dtypes, name, None)
        if not isinstance(scalar, type):
            raise Undecodable(f"no dtype {name!r}") from None
        dtype = np.dtype(scalar)
    if dtype.hasobject:
        raise Undecodable(f"no array of {name!r} is read")
    return dtype
