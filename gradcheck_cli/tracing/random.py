"""`np.random` as the copy of the user's module sees it: the real thing, giving constants that can be written to.

The global functions draw from NumPy's own global state, so that a layer that draws (dropout) draws the same numbers
here as when it runs on plain arrays from the same state.
"""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.dual import DualArray, constant, holds_dual, is_traced
from gradcheck_cli.tracing.functions import bare
from gradcheck_cli.tracing.recorder import current


def _drawn(name: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if name in ("shuffle", "permutation", "choice", "permuted") and args and isinstance(args[0], DualArray):
        order = (
            function.__self__.permutation(len(args[0]))
            if name in ("shuffle", "permutation") and args[0].traced
            else None
        )
        if order is not None:
            if name == "permutation":
                return args[0][order]
            args[0][...] = args[0][order].copy()
            return None
    if any(is_traced(item) for item in (*args, *kwargs.values())):
        raise current().fail(f"`np.random`'s `{name}` is given a value that depends on the input")
    if holds_dual(args) or holds_dual(kwargs):
        args, kwargs = tuple(bare(item) for item in args), bare(kwargs)
    return constant(function(*args, **kwargs))


def _dressed_method(kind: type, name: str) -> Any:
    real = getattr(kind, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _drawn(name, real.__get__(self), args, kwargs)

    method.__name__ = name
    return method


def _methods(kind: type) -> dict[str, Any]:
    names = [name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))]
    return {
        name: _dressed_method(kind, name) for name in names if name not in ("spawn", "seed", "get_state", "set_state")
    }


DualGenerator = type("Generator", (np.random.Generator,), _methods(np.random.Generator))
DualRandomState = type("RandomState", (np.random.RandomState,), _methods(np.random.RandomState))


@lru_cache(maxsize=1)
def random_namespace() -> ModuleType:
    """The dual of `numpy.random`."""
    module = ModuleType("numpy.random", np.random.__doc__)
    for name in dir(np.random):
        if name.startswith("__") and name != "__all__":
            continue
        real = getattr(np.random, name)
        plain = isinstance(real, (type, ModuleType)) or not callable(real) or name in ("seed", "get_state", "set_state")
        module.__dict__[name] = real if plain else _global(name, real)
    module.__dict__.update(Generator=DualGenerator, RandomState=DualRandomState, default_rng=_default_rng)
    return module


def _global(name: str, real: Any) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        return _drawn(name, real, args, kwargs)

    function.__name__ = name
    return function


def _default_rng(seed: Any = None) -> Any:
    # Looked up at the call: whoever makes runs repeatable may have put a seeded one in NumPy's place.
    made = np.random.default_rng(seed)
    return made if isinstance(made, DualGenerator) else DualGenerator(made.bit_generator)
