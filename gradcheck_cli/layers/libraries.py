"""What libraries offer, kept while a user's module runs: a module that replaces `numpy.sum` replaces it for everybody.

Only what was there is put back. What a module adds (`np.float = float`, for code older than NumPy 1.24) stays.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

_WATCHED = (
    *("builtins", "cmath", "functools", "itertools", "json", "math", "operator", "os", "random", "threading", "time"),
    *("numpy", "numpy.fft", "numpy.lib.stride_tricks", "numpy.linalg", "numpy.random"),
    *("jax", "jax.lax", "jax.nn", "jax.numpy", "jax.numpy.linalg", "jax.random", "jax.scipy", "jax.scipy.special"),
    *("jax.tree_util", "gradcheck_cli"),
)


@dataclass(frozen=True)
class Libraries:
    """The watched modules that are imported now, and the public functions and classes in each."""

    modules: Mapping[str, tuple[ModuleType, Mapping[str, Any]]]

    @classmethod
    def now(cls) -> Libraries:
        """As they are now."""
        loaded = {name: module for name in _WATCHED if isinstance(module := sys.modules.get(name), ModuleType)}
        return cls({name: (module, _offered(module)) for name, module in loaded.items()})

    def put_back(self) -> tuple[str, ...]:
        """Make them so again; the names that had been replaced or deleted (`numpy.sum`)."""
        replaced = []
        for name, (module, offered) in self.modules.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module
                replaced.append(name)
            namespace = vars(module)
            for attribute, value in offered.items():
                if namespace.get(attribute) is not value:
                    namespace[attribute] = value
                    replaced.append(f"{name}.{attribute}")
        return tuple(replaced)


def _offered(module: ModuleType) -> dict[str, Callable[..., Any]]:
    # callables only: settings and counters of a library may change
    return {name: value for name, value in vars(module).items() if not name.startswith("_") and callable(value)}
