"""What the user's code changed in what it was handed: by bytes, so that NaN and negative zeros count too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.leaves import Path, fresh, walk


@dataclass(frozen=True, eq=False)
class Change:
    """One place in a value that is not what it was.

    Attributes:
        path: from the value down to the place.
        before, after: what stood there; after is None where it is gone, or where a list has another length.
    """

    path: Path
    before: Any
    after: Any

    @property
    def difference(self) -> NDArray[Any] | None:
        """After minus before, None where that makes no sense."""
        if not isinstance(self.before, np.ndarray) or not isinstance(self.after, np.ndarray):
            return None
        if self.before.shape != self.after.shape or self.before.dtype.kind not in "fciu":
            return None
        wide = np.result_type(self.before.dtype, np.float64)
        difference: NDArray[Any] = self.after.astype(wide) - self.before.astype(wide)
        return difference

    @property
    def elements(self) -> NDArray[np.int64]:
        """Positions in the flattened array whose bytes changed; empty where they cannot be told."""
        if not isinstance(self.before, np.ndarray) or not isinstance(self.after, np.ndarray):
            return np.zeros(0, np.int64)
        if self.before.shape != self.after.shape or self.before.dtype != self.after.dtype or not self.before.itemsize:
            return np.zeros(0, np.int64)
        rows = [np.ascontiguousarray(item).reshape(-1).view(np.uint8) for item in (self.before, self.after)]
        unequal = (rows[0] != rows[1]).reshape(self.before.size, -1).any(axis=1)
        return np.flatnonzero(unequal)


def changes(before: Any, after: Any, path: Path = ()) -> Iterator[Change]:
    """Every place of `before`, a copy, that is not the same in `after`, the object it was copied from.

    Keys that were added to a dictionary are no change (a cache kept in it); a list that grew or shrank is.
    """
    if isinstance(before, np.ndarray):
        if not _same_bytes(before, after):
            yield Change(path, before, fresh(after) if isinstance(after, np.ndarray) else None)
    elif isinstance(before, Mapping):
        for key, value in before.items():
            if not isinstance(after, Mapping) or key not in after:
                yield Change((*path, key), value, None)
            else:
                yield from changes(value, after[key], (*path, key))
    elif isinstance(before, (list, tuple)):
        if not isinstance(after, (list, tuple)) or len(after) != len(before):
            yield Change(path, before, None)
        else:
            for position, (one, other) in enumerate(zip(before, after)):
                yield from changes(one, other, (*path, position))
    elif isinstance(before, (bool, int, float, complex, str)):
        # a number in a list or dictionary that another was put in the place of
        if path and type(before) is type(after) and before == before and before != after:
            yield Change(path, before, after)
    elif before is not None and not hasattr(before, "dtype"):
        pairs = zip(walk(before), walk(after))
        yield from (
            Change((*path, *here), one, fresh(other))
            for (here, one), (_, other) in pairs
            if isinstance(one, np.ndarray) and not _same_bytes(one, other)
        )


def _same_bytes(before: NDArray[Any], after: Any) -> bool:
    if not isinstance(after, np.ndarray) or before.dtype != after.dtype or before.shape != after.shape:
        return False
    if before.dtype.hasobject:
        return True
    return before.tobytes() == after.tobytes()
