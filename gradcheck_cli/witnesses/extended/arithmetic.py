"""The numbers that a trace is evaluated in: extended precision, or a layer's own dtype; with or without noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EXTENDED = np.dtype(np.longdouble)
"""64 bits of mantissa and exponents to 16,383 on x86; on platforms where it is float64, it extends narrower dtypes."""


@dataclass(frozen=True)
class Arithmetic:
    """How values are held and rounded.

    Attributes:
        real: the dtype of real floating values.
        noise: every rounded result is multiplied by 1 ± epsilon at random, drawn from it; None for none. Results of
            several such runs differ by as much as rounding matters (Vignes' discrete stochastic arithmetic).
        narrow: casts to narrower floating dtypes are done; in extended precision they are part of what is judged.
        own: where `narrow`, casts to dtypes that are no coarser than this epsilon are left out all the same.
    """

    real: np.dtype[Any]
    noise: np.random.Generator | None = None
    narrow: bool = False
    own: float = 0.0

    @property
    def imaginary(self) -> np.dtype[Any]:
        """The dtype of complex values."""
        return np.result_type(self.real, np.complex64)

    @property
    def epsilon(self) -> float:
        """The spacing of `real` at 1."""
        return float(np.finfo(self.real).eps)

    def casts_to(self, dtype: Any) -> bool:
        """Whether a cast to this floating dtype is done."""
        return self.narrow and float(ml_dtypes.finfo(dtype).eps) > self.own

    def held(self, value: Any, dtype: Any) -> Array:
        """`value` as this arithmetic holds a value whose dtype in the trace is `dtype`."""
        if is_floating(dtype):
            kind = self.imaginary if np.dtype(dtype).kind == "c" else self.real
            return np.asarray(value).astype(kind, copy=False)
        return np.asarray(value).astype(dtype, copy=False)

    def rounded(self, value: Array, epsilon: float = 0.0) -> Array:
        """`value` with the noise of one rounding (of at least this epsilon), where there is noise."""
        if self.noise is None or value.dtype.kind not in "fc" or not value.size:
            return value
        size = max(self.epsilon, epsilon)
        factor = (1 + size * self.noise.uniform(-1, 1, value.shape)).astype(np.float64)
        if size < 1e-15:  # below the spacing of the float64 that the factor was drawn in
            signs = self.noise.integers(-1, 2, value.shape)
            factor = np.asarray(signs, self.real) * self.real.type(size) + self.real.type(1)
        result: Array = value * factor.astype(value.real.dtype)
        return result


def is_floating(dtype: Any) -> bool:
    """Real or complex floating, bfloat16 and its kin included."""
    return np.dtype(dtype).kind in "fc" or str(dtype).startswith(("bfloat16", "float8", "float4"))
