"""`numpy` as the copy of the user's module sees it: the same names, giving and taking dual arrays.

SciPy's function modules and Python's `math` are dressed in the same way; `float` keeps a dual scalar what it is.
"""

from __future__ import annotations

import math
from functools import lru_cache
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcheck_cli.tracing import rules
from gradcheck_cli.tracing.dual import DualArray, constant, holds_dual, is_traced, value_of
from gradcheck_cli.tracing.functions import RULES, bare, call
from gradcheck_cli.tracing.random import random_namespace
from gradcheck_cli.tracing.recorder import current
from gradcheck_cli.tracing.ufuncs import apply_ufunc

_DISPATCHER = type(np.sum)

# SciPy's modules of functions that JAX mirrors; the rest of SciPy is left as it is.
_DRESSED = ("numpy", "scipy.special", "scipy.linalg", "scipy.signal", "scipy.ndimage", "scipy.stats")


def is_dressed(name: str) -> bool:
    """Whether imports of this module give its dual."""
    return name == "math" or any(name == module or name.startswith(f"{module}.") for module in _DRESSED)


@lru_cache(maxsize=256)
def dual_of(module: ModuleType) -> ModuleType:
    """The dual of a NumPy or SciPy module, or of `math`."""
    if module is math:
        return _dual_math()
    if module is np.random:
        return random_namespace()
    return DualNamespace(module)


class DualNamespace(ModuleType):
    """A module whose functions take and give dual arrays; made name by name, when a name is asked for."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__["_real"] = real
        for name in ("__all__", "__version__", "__file__", "__path__", "__spec__"):
            if name in vars(real):
                self.__dict__[name] = vars(real)[name]
        if real is np:
            self.__dict__.update(
                ndarray=DualNdarray,
                vectorize=rules.DualVectorize,
                ndenumerate=rules.DualNdenumerate,
                nditer=_nditer,
                r_=rules.DualConcatenator(np.r_, "r_"),
                c_=rules.DualConcatenator(np.c_, "c_"),
            )

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.__dict__["_real"], name)
        dressed = _dressed(real)
        self.__dict__[name] = dressed
        return dressed

    def __dir__(self) -> list[str]:
        return dir(self.__dict__["_real"])


def _dressed(real: Any) -> Any:
    if isinstance(real, ModuleType):
        return dual_of(real) if is_dressed(real.__name__) else real
    if isinstance(real, np.ufunc):
        return DualUfunc(real)
    if isinstance(real, (FunctionType, BuiltinFunctionType, _DISPATCHER)):
        return _function(real)
    return constant(real)


def _function(real: Any) -> Any:
    def dual(*args: Any, **kwargs: Any) -> Any:
        return call(real, args, kwargs)

    dual.__name__ = dual.__qualname__ = getattr(real, "__name__", "function")
    dual.__doc__ = real.__doc__
    return dual


class DualUfunc:
    """A universal function that also takes lists of dual arrays, and gives dual arrays even for plain ones."""

    def __init__(self, real: np.ufunc) -> None:
        self._real = real
        self.__name__ = real.__name__
        self.__doc__ = real.__doc__

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name in ("reduce", "accumulate", "outer", "at", "reduceat"):
            return lambda *args, **kwargs: self._apply(name, args, kwargs)
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function itself."""
        inputs, out = args[: self._real.nin], args[self._real.nin :]
        if out:
            kwargs["out"] = out
        return self._apply("__call__", inputs, kwargs)

    def _apply(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return apply_ufunc(self._real, method, args, kwargs)

    def __repr__(self) -> str:
        return repr(self._real)


class _NdarrayType(type):
    """Makes `isinstance(x, np.ndarray)` true of dual arrays, and `np.ndarray(shape)` make one."""

    def __instancecheck__(cls, item: Any) -> bool:
        return isinstance(item, np.ndarray) or (isinstance(item, DualArray) and not item.scalar)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, (np.ndarray, DualArray))

    def __call__(cls, shape: Any, dtype: Any = float, *args: Any, **kwargs: Any) -> Any:
        return constant(np.zeros(shape, dtype))


class DualNdarray(metaclass=_NdarrayType):
    """`np.ndarray` in the copy of the user's module."""


class _FloatType(type):
    """Makes `float(dual scalar)` keep the dual scalar, and with it the gradient; elsewhere it is Python's float."""

    def __instancecheck__(cls, item: Any) -> bool:
        return isinstance(item, float) or (isinstance(item, DualArray) and item.scalar and item.dtype == np.float64)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, float)

    def __call__(cls, *args: Any) -> Any:
        if len(args) == 1 and is_traced(args[0]) and args[0].size == 1 and args[0].dtype.kind == "f":
            element = args[0] if args[0].ndim == 0 else args[0].reshape(-1)[0]
            return np.positive(element.astype(np.float64))
        return float(*args)


class DualFloat(float, metaclass=_FloatType):
    """`float` in the copy of the user's module; NumPy takes it as a dtype by its attribute."""

    dtype = np.dtype(np.float64)


def _nditer(operand: Any, *args: Any, **kwargs: Any) -> Any:
    """`np.nditer` for its indices only: the values of a dual array are NaN there, so no use goes unseen."""
    blind = [np.full(item.shape, np.nan) if is_traced(item) else value_of(item) for item in _listed(operand)]
    return np.nditer(blind if isinstance(operand, (list, tuple)) else blind[0], *args, **kwargs)


def _listed(item: Any) -> list[Any]:
    return list(item) if isinstance(item, (list, tuple)) else [item]


# Python's `math` by NumPy's names.
_MATH = {
    **{
        name: name
        for name in "exp expm1 log10 log1p log2 sqrt sin cos tan sinh cosh tanh fabs floor ceil hypot".split()
    },
    **{
        name: name for name in "asin acos atan atan2 asinh acosh atanh copysign degrees radians exp2 cbrt trunc".split()
    },
    "pow": "power",
    "fmod": "fmod",
}
_INTEGRAL = ("floor", "ceil", "trunc")


def _dual_math() -> ModuleType:
    module = ModuleType("math", math.__doc__)
    module.__dict__.update({name: item for name, item in vars(math).items() if not name.startswith("__")})
    for name in vars(math):
        if callable(getattr(math, name)) and not name.startswith("__"):
            module.__dict__[name] = _math_function(name)
    return module


def _math_function(name: str) -> Any:
    real = getattr(math, name)

    def dual(*args: Any) -> Any:
        if not any(holds_dual(item) for item in args):
            return real(*args)
        if not any(is_traced(item) for item in args) and name not in ("fsum", "prod", "dist"):
            return real(*(value_of(item) for item in args))
        if name in _INTEGRAL:
            return int(getattr(np, name)(value_of(args[0])))
        if name in _MATH and hasattr(np, _MATH[name]):
            return getattr(np, _MATH[name])(*args)
        if name == "log":
            return np.log(args[0]) if len(args) == 1 else np.log(args[0]) / np.log(args[1])
        if name in ("fsum", "prod"):
            return (np.sum if name == "fsum" else np.prod)(RULES["array"](list(args[0])))
        if name in ("isnan", "isinf", "isfinite", "isclose"):
            return real(*bare(args))
        if name in ("erf", "erfc", "gamma", "lgamma"):
            import scipy.special

            return getattr(scipy.special, {"lgamma": "gammaln"}.get(name, name))(*args)
        raise current().fail(f"`math.{name}` of a value that depends on the input cannot be followed")

    dual.__name__ = name
    return dual
