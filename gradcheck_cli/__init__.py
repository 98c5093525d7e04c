"""gradcheck: is the hand-written backward pass right, which elements are wrong, and why."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from gradcheck_cli._version import __version__

if TYPE_CHECKING:
    from gradcheck_cli.assertion import assert_gradients as assert_gradients
    from gradcheck_cli.checking.live import check as check
    from gradcheck_cli.layers.explicit import layer as layer
    from gradcheck_cli.layers.network import Graph as Graph
    from gradcheck_cli.layers.network import Sequential as Sequential

__all__ = ["Graph", "Sequential", "__version__", "assert_gradients", "check", "layer"]

_HOMES = {
    "Graph": "gradcheck_cli.layers.network",
    "Sequential": "gradcheck_cli.layers.network",
    "assert_gradients": "gradcheck_cli.assertion",
    "check": "gradcheck_cli.checking.live",
    "layer": "gradcheck_cli.layers.explicit",
}
"""Where each public name lives: imported when first asked for, so that the command line's help needs no NumPy."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
